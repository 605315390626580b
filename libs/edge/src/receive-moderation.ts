import { nowMicroseconds } from '@longhaul/native';

/** A batch of so many datagrams says that more are on their way: at 1 Gbit/s some 80 come in a millisecond. */
const BUSY_DATAGRAMS = 12;
/** So long after such a batch the next one is taken, in microseconds. A network card's driver waits 20 to 250. */
const GATHER_US = 400;
/** A shorter wait is not worth the call. */
const LEAST_WAIT_US = 50;

/**
 * Gathers datagrams while many come, as network cards moderate their interrupts: a wake-up of the event loop costs as
 * much as some ten packets. A quiet tunnel's datagrams are taken at once.
 */
export class ReceiveModeration {
  private readonly sleeper = new Int32Array(new SharedArrayBuffer(4));
  private busySinceUs = -Infinity;

  /** Before a batch is received: blocks the thread for what is left of the gathering time. */
  gather(): void {
    const waitUs = this.busySinceUs + GATHER_US - nowMicroseconds();
    if (waitUs >= LEAST_WAIT_US) Atomics.wait(this.sleeper, 0, 0, waitUs / 1000);
  }

  /** After a batch of `count` datagrams was received. */
  took(count: number): void {
    this.busySinceUs = count >= BUSY_DATAGRAMS ? nowMicroseconds() : -Infinity;
  }
}
