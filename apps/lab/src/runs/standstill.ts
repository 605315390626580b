import { VoidRunError } from './void-run.js';

const LOOK_INTERVAL_MS = 250;
/** A lab that was held up for longer was paused, and what it runs may have been, too. */
const LONGEST_PAUSE_MS = 1_500;

/** Does work that is measured. Throws a VoidRunError if this process stood still for 1.5 s in its course. */
export async function refuseStandstill<T>(work: () => Promise<T>): Promise<T> {
  let [lookedAt, longestMs] = [performance.now(), 0];
  const look = (): void => {
    const now = performance.now();
    longestMs = Math.max(longestMs, now - lookedAt);
    lookedAt = now;
  };
  const timer = setInterval(look, LOOK_INTERVAL_MS);
  const outcome = await work().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  clearInterval(timer);
  look();
  if (longestMs > LONGEST_PAUSE_MS) {
    const seconds = (longestMs / 1000).toFixed(1);
    throw new VoidRunError(`void run: the lab stood still for ${seconds} s; run it again`, {
      cause: outcome,
    });
  }
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}
