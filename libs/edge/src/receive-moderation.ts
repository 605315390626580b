import { nowMicroseconds } from '@longhaul/native';
import { DOUBLE_ZERO } from '@longhaul/tunnel';

/** While datagrams come at more than one in this time, in microseconds, they are taken so far apart. Drivers of network cards wait 20 to 250. */
const GATHER_US = 500;
/** Over so long their rate is taken. */
const WINDOW_US = 4000;
/** A shorter wait is not worth the call. */
const LEAST_WAIT_US = 50;

/**
 * Gathers datagrams while many come, as network cards moderate their interrupts: a wake-up of the event loop costs as
 * much as some ten packets. A quiet tunnel's datagrams are taken at once.
 */
export class ReceiveModeration {
  private readonly sleeper = new Int32Array(new SharedArrayBuffer(4));
  private busy = false;
  private lastUs = DOUBLE_ZERO;
  private windowSinceUs = DOUBLE_ZERO;
  private count = 0;

  /** Before a batch is received: blocks the thread for what is left of the gathering time. */
  gather(): void {
    if (!this.busy) return;
    const waitUs = this.lastUs + GATHER_US - nowMicroseconds();
    if (waitUs >= LEAST_WAIT_US) Atomics.wait(this.sleeper, 0, 0, waitUs / 1000);
  }

  /** After a batch of `count` datagrams was received. */
  took(count: number): void {
    const nowUs = nowMicroseconds();
    const elapsedUs = nowUs - this.windowSinceUs;
    this.lastUs = nowUs;
    this.count += count;
    if (elapsedUs < WINDOW_US) return;
    this.busy = this.count * GATHER_US > elapsedUs;
    this.windowSinceUs = nowUs;
    this.count = 0;
  }
}
