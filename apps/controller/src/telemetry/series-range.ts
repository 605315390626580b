import { DAY_MS, type Retention } from './partitions.js';
import { RESOLUTIONS, SERIES_RESOLUTIONS, type Resolution, type SeriesResolution } from './resolutions.js';

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
): SeriesResolution | undefined => {
  const fitting = SERIES_RESOLUTIONS.filter((resolution) => bucketsIn(range, resolution) <= maxPoints);
  const keptSince = ({ name }: SeriesResolution): number =>
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
/** So long after a week its last day and it itself are computed. */
const WEEK_SETTLES_MS = 3_600_000;

/**
 * The fewest buckets that make up a range, rounded out to whole ones of the finest that are taken. Of more than a week: weeks that
 * are over, and days; of less: days, and hours at the two ends; of short ranges 5 minutes or a minute. A day that is not over
 * is taken whole, if the range reaches `nowMs`.
 */
export const decompose = ({ fromMs, toMs }: Range, nowMs: number): Piece[] => {
  const [minute, fiveMinutes, hour, day, week] = RESOLUTIONS;
  const finest =
    [minute, fiveMinutes, hour].find((each) => bucketsIn({ fromMs, toMs }, each) <= MANY_BUCKETS) ?? hour;
  if (finest !== hour || bucketsIn({ fromMs, toMs }, hour) <= MANY_BUCKETS) {
    return [roundOut({ fromMs, toMs }, finest)];
  }
  if (bucketsIn({ fromMs, toMs }, day) > MANY_DAYS) {
    const days = roundOut({ fromMs, toMs }, day);
    const weeks = {
      fromMs: ceilTo(days.fromMs, week),
      toMs: floorTo(Math.min(days.toMs, nowMs - WEEK_SETTLES_MS), week),
    };
    return weeks.toMs > weeks.fromMs ? around(weeks, week, days) : [days];
  }
  const daysTo = toMs >= nowMs ? ceilTo(toMs, day) : floorTo(toMs, day);
  return around({ fromMs: ceilTo(fromMs, day), toMs: daysTo }, day, roundOut({ fromMs, toMs }, hour));
};

/** A span of coarse buckets, and what is left of a piece of finer ones before and after it. */
const around = ({ fromMs, toMs }: Range, resolution: Resolution, fine: Piece): Piece[] =>
  [
    { ...fine, toMs: fromMs },
    { resolution, fromMs, toMs },
    { ...fine, fromMs: toMs },
  ].filter((piece) => piece.toMs > piece.fromMs);
