import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 25;
/** A busy machine is no failure. */
const PATIENCE_MS = 120_000;

type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>;

/** Waits until `check` holds (returns something truthy); fails with what it last threw or said. */
export const eventually = async <T>(check: () => T | Promise<T>): Promise<Truthy<T>> => {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    let last: unknown;
    try {
      const value = await check();
      if (value) return value as Truthy<T>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`it did not come about within ${String(PATIENCE_MS)} ms; last: ${String(last)}`, {
        cause: last,
      });
    }
    await sleep(POLL_MS);
  }
};
