import type { NativeHandle } from './binding.js';
import { binding } from './implementation.js';

/** A one-shot timer of microseconds on the event loop (setTimeout has milliseconds). While set, it keeps the process alive. */
export class Timer {
  private readonly handle: NativeHandle;

  constructor(onFire: () => void) {
    this.handle = binding.timerOpen(onFire);
  }

  /** Fires once so many microseconds from now, instead of when it was set to before. What lies in the past fires at once. */
  set(microsecondsFromNow: number): void {
    binding.timerSet(this.handle, microsecondsFromNow < 0 ? 0 : microsecondsFromNow);
  }

  clear(): void {
    binding.timerSet(this.handle, -1);
  }

  close(): void {
    binding.timerClose(this.handle);
  }
}
