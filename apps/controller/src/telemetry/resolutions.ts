/** Lengths of the buckets that telemetry is rolled up into, the finest first. */
export const RESOLUTIONS = [
  // As long as the batches of a large fleet are on their way: each that comes later has its minute computed again.
  { name: '1m', seconds: 60, refreshSeconds: Infinity, settleSeconds: 20 },
  { name: '5m', seconds: 300, refreshSeconds: Infinity, settleSeconds: 5 },
  // A bucket that lasts long is computed while it lasts, too.
  { name: '1h', seconds: 3600, refreshSeconds: 300, settleSeconds: 10 },
  { name: '1d', seconds: 86_400, refreshSeconds: 900, settleSeconds: 15 },
  // Begins on Thursdays, as Unix time does: for sums over long times, not to be shown. Kept as long as its days.
  { name: '1w', seconds: 604_800, refreshSeconds: Infinity, settleSeconds: 20 },
] as const satisfies readonly {
  readonly name: string;
  readonly seconds: number;
  /** After its first change a bucket that is not over waits at most so long to be computed. */
  readonly refreshSeconds: number;
  /** After a bucket is over, or changed once it was, so long is waited for what comes with it. */
  readonly settleSeconds: number;
}[];

export type Resolution = (typeof RESOLUTIONS)[number];
export type ResolutionName = Resolution['name'];

/** Those that are shown and have a retention of their own. */
export type SeriesResolution = Exclude<Resolution, { name: '1w' }>;
export const SERIES_RESOLUTIONS = RESOLUTIONS.filter((each): each is SeriesResolution => each.name !== '1w');

/** The next coarser one; undefined for the coarsest. */
export const coarserThan = ({ seconds }: Resolution): Resolution | undefined =>
  RESOLUTIONS.find((each) => each.seconds > seconds);

/** The next finer one, from which it is computed; undefined: from the records themselves. */
export const finerThan = ({ seconds }: Resolution): Resolution | undefined =>
  RESOLUTIONS.findLast((each) => each.seconds < seconds);
