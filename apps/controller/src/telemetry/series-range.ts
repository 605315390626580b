import { DAY_MS, type Retention } from './partitions.js';
import { RESOLUTIONS, type Resolution } from './resolutions.js';

/** A span of time, in Unix milliseconds: `toMs` is not in it. */
export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A span of buckets. */
export interface Piece extends Range {
  readonly resolution: Resolution;
}

const floorTo = (ms: number, { seconds }: Resolution): number =>
  Math.floor(ms / (seconds * 1000)) * seconds * 1000;
const ceilTo = (ms: number, { seconds }: Resolution): number =>
  Math.ceil(ms / (seconds * 1000)) * seconds * 1000;

/** How many buckets a range touches. */
const bucketsIn = ({ fromMs, toMs }: Range, resolution: Resolution): number =>
  (ceilTo(toMs, resolution) - floorTo(fromMs, resolution)) / (resolution.seconds * 1000);

/**
 * The finest buckets that are kept since the range's begin and are at most `maxPoints`; of those that are not kept any more the
 * coarsest. Undefined if even days are too many.
 */
export const chooseResolution = (
  range: Range,
  { maxPoints, retention, nowMs }: { maxPoints: number; retention: Retention; nowMs: number },
): Resolution | undefined => {
  const fitting = RESOLUTIONS.filter((resolution) => bucketsIn(range, resolution) <= maxPoints);
  const keptSince = ({ name }: Resolution): number =>
    Math.floor(nowMs / DAY_MS - retention.rollupDays[name]) * DAY_MS;
  return fitting.find((resolution) => range.fromMs >= keptSince(resolution)) ?? fitting.at(-1);
};

/** The range, rounded out to whole buckets. */
export const roundOut = ({ fromMs, toMs }: Range, resolution: Resolution): Piece => ({
  resolution,
  fromMs: floorTo(fromMs, resolution),
  toMs: ceilTo(toMs, resolution),
});

/** From so many buckets on, coarser ones are taken where they fit whole. */
const MANY_BUCKETS = 48;
/** From so many days on, the hours at the two ends do not matter: whole days count. */
const MANY_DAYS = 8;

/**
 * The fewest buckets that make up a range, rounded out to whole ones of the finest that are taken: whole days by the day, what
 * is left at its two ends by the hour; of more than a week days only. Of short ranges: 5 minutes or a minute. A day that is
 * not over is taken whole, if the
 * range reaches `nowMs`.
 */
export const decompose = ({ fromMs, toMs }: Range, nowMs: number): Piece[] => {
  const [minute, fiveMinutes, hour, day] = RESOLUTIONS;
  const finest =
    [minute, fiveMinutes, hour].find((each) => bucketsIn({ fromMs, toMs }, each) <= MANY_BUCKETS) ?? hour;
  if (finest !== hour || bucketsIn({ fromMs, toMs }, hour) <= MANY_BUCKETS) {
    return [roundOut({ fromMs, toMs }, finest)];
  }
  if (bucketsIn({ fromMs, toMs }, day) > MANY_DAYS) return [roundOut({ fromMs, toMs }, day)];
  const daysFrom = ceilTo(fromMs, day);
  const daysTo = toMs >= nowMs ? ceilTo(toMs, day) : floorTo(toMs, day);
  return [
    { resolution: hour, fromMs: floorTo(fromMs, hour), toMs: daysFrom },
    { resolution: day, fromMs: daysFrom, toMs: daysTo },
    { resolution: hour, fromMs: daysTo, toMs: Math.max(daysTo, ceilTo(toMs, hour)) },
  ].filter((piece) => piece.toMs > piece.fromMs);
};
