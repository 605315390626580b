/** A request of the web client, in milliseconds of the system's monotonic clock. */
export interface WebRequest {
  readonly askedMs: number;
  /** When the whole page had come; undefined if it never came, or something else did. */
  readonly answeredMs?: number;
}

/** What a user of the guest's page saw of its move. */
export interface WebOutages {
  readonly requests: number;
  readonly answers: number;
  /** Times without any answer that were longer than the threshold. */
  readonly count: number;
  /** The longest of these; 0 if there was none. */
  readonly longestMs: number;
  /** The longest time without any answer, however short. */
  readonly longestGapMs: number;
}

/**
 * From one answer to the next, whatever request each belongs to: a request that waits for a second until TCP tries again
 * does not lengthen an outage that later requests know to be over.
 */
export function outagesOf(
  requests: readonly WebRequest[],
  fromMs: number,
  toMs: number,
  thresholdMs: number,
): WebOutages {
  const isWithin = (ms: number): boolean => ms >= fromMs && ms <= toMs;
  const answers = requests
    .flatMap(({ answeredMs }) => (answeredMs === undefined ? [] : [answeredMs]))
    .filter(isWithin)
    .sort((a, b) => a - b);
  const times = [fromMs, ...answers, toMs];
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? time));
  const outages = gaps.filter((gap) => gap > thresholdMs);
  return {
    requests: requests.filter(({ askedMs }) => isWithin(askedMs)).length,
    answers: answers.length,
    count: outages.length,
    longestMs: Math.round(Math.max(0, ...outages)),
    longestGapMs: Math.round(Math.max(...gaps)),
  };
}
