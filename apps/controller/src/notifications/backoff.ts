/** Pause after the first attempt that failed, doubled after each, in milliseconds; and the longest. */
const FIRST_PAUSE_MS = 5_000;
const MAX_PAUSE_MS = 3_600_000;
/** What failed together shall not come back together: up to so large a share is added or taken away by chance. */
const JITTER = 0.25;

/**
 * How long to wait after attempts that failed, in milliseconds: 5 s, 10 s, 20 s … an hour, each a quarter more or less.
 *
 * @param failed how many attempts have failed, 1 or more
 * @param random 0 to below 1
 */
export const pauseAfter = (failed: number, random = Math.random()): number =>
  Math.min(FIRST_PAUSE_MS * 2 ** (failed - 1), MAX_PAUSE_MS) * (1 + JITTER * (2 * random - 1));
