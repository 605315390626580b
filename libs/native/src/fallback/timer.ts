import type { Binding, NativeHandle } from '../binding.js';
import { checkFunction, checkHandle, INT32_MAX } from './arguments.js';
import { nowMicroseconds } from './memory.js';

const MOST_MICROSECONDS = 1e15;

/** Of milliseconds, which is what Node.js has: it never fires early, but up to 2 ms late. */
class FallbackTimer {
  private dueUs = Infinity;
  private waiting: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly onFire: () => void) {}

  set(microseconds: number): void {
    this.clear();
    if (this.closed || microseconds < 0) return;
    this.dueUs = nowMicroseconds() + microseconds;
    this.wait();
  }

  close(): void {
    this.clear();
    this.closed = true;
  }

  private clear(): void {
    clearTimeout(this.waiting);
    this.waiting = undefined;
  }

  private wait(): void {
    const milliseconds = Math.ceil((this.dueUs - nowMicroseconds()) / 1e3);
    this.waiting = setTimeout(
      () => {
        if (nowMicroseconds() < this.dueUs) this.wait();
        else this.onFire();
      },
      Math.min(INT32_MAX, Math.max(0, milliseconds)),
    );
  }
}

const timerOf = (handle: NativeHandle): FallbackTimer => checkHandle(handle, FallbackTimer, 'timer');

export const timerFunctions: Pick<Binding, 'timerOpen' | 'timerSet' | 'timerClose'> = {
  timerOpen(onFire) {
    checkFunction(onFire, 'onFire');
    return new FallbackTimer(onFire) as unknown as NativeHandle;
  },

  timerSet(handle, microseconds) {
    const timer = timerOf(handle);
    if (typeof microseconds !== 'number' || !(microseconds <= MOST_MICROSECONDS)) {
      throw new RangeError(`microseconds has to be a number up to ${MOST_MICROSECONDS}`);
    }
    timer.set(microseconds);
  },

  timerClose(handle) {
    timerOf(handle).close();
  },
};
