import { setTimeout as sleep } from 'node:timers/promises';

/** A duration spread evenly by ± `fraction`, so that many agents do not act in step. */
export const jittered = (ms: number, fraction: number): number =>
  ms * (1 + fraction * (2 * Math.random() - 1));

/** Longest that a Node timer can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A pause that others can cut short. */
export class Pause {
  private waker: AbortController | undefined;

  /** Resolves after `ms`, or when woken. */
  async wait(ms: number): Promise<void> {
    this.waker = new AbortController();
    try {
      await sleep(Math.min(Math.max(ms, 0), MAX_TIMER_MS), undefined, { signal: this.waker.signal });
    } catch {
      // Woken.
    } finally {
      this.waker = undefined;
    }
  }

  wake(): void {
    this.waker?.abort();
  }
}

/** Growing pauses: each twice the last, spread by a quarter, up to a limit. */
export class BackOff {
  private nextMs: number;

  constructor(
    private readonly minMs: number,
    private readonly maxMs: number,
  ) {
    this.nextMs = minMs;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const ms = this.nextMs;
    this.nextMs = Math.min(this.maxMs, ms * 2);
    return jittered(ms, 0.25);
  }

  reset(): void {
    this.nextMs = this.minMs;
  }
}

/** @throws Error with `message` when `work` takes longer. */
export async function within<T>(ms: number, work: Promise<T>, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(message)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
