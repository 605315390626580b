import { setTimeout as sleep } from 'node:timers/promises';

const EXPIRED = Symbol('expired');

/**
 * Groups what comes from `source` into batches of at most `maxItems`: a batch is closed when it is full, or `lingerMs`
 * after its first item. While the caller is busy with a batch, nothing more is taken.
 */
export async function* batches<T>(
  source: AsyncIterable<T>,
  maxItems: number,
  lingerMs: number,
): AsyncGenerator<T[], void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let next = iterator.next();
  for (;;) {
    const first = await next;
    if (first.done === true) return;
    const batch = [first.value];
    const timer = new AbortController();
    const expiry = sleep(lingerMs, EXPIRED, { signal: timer.signal }).catch(() => EXPIRED);
    next = iterator.next();
    while (batch.length < maxItems) {
      const result = await Promise.race([next, expiry]);
      if (result === EXPIRED) break;
      const { done, value } = result as IteratorResult<T, unknown>;
      if (done === true) break;
      batch.push(value);
      next = iterator.next();
    }
    timer.abort();
    yield batch;
  }
}
