import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { ControllerClient } from '../controller-client.js';
import { percentilesOf, type Percentiles } from './percentiles.js';

/** What the fleet page asks: total rate, time saved, the worst ten links. At most `hours` points. */
const FLEET_QUERY = `query ($from: DateTime!, $to: DateTime!, $hours: Int!) {
  telemetry(from: $from, to: $to, maxPoints: $hours) {
    resolutionSeconds
    points { at sentMbps wireSentMbps rttMs lossPct timeSavedSeconds }
    total { sentMbps timeSavedSeconds bytesSaved }
  }
  worstLinks(from: $from, to: $to, first: 10) { link { id siteA { name } siteB { name } } lossPct rttMs }
}`;

const answerSchema = z.object({
  telemetry: z.object({ resolutionSeconds: z.number(), points: z.array(z.unknown()), total: z.unknown() }),
  worstLinks: z.array(z.unknown()),
});
type Answer = z.output<typeof answerSchema>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** What agents have gathered before a day's end is stored within so long after it. */
const LATE_MS = 600_000;

export interface DashboardRun {
  /** Of each request, HTTPS included. */
  readonly queryMs: Percentiles;
  readonly points: number;
  readonly resolutionSeconds: number;
}

export interface DashboardOptions {
  readonly api: ControllerClient;
  readonly days: number;
  readonly runs: number;
  readonly inTheMiddle?: (() => Promise<void>) | undefined;
}

/**
 * Times the fleet page's query over so many days up to now.
 *
 * @throws Error if what was over before the first request reads otherwise after the last one
 */
export async function timeDashboard({
  api,
  days,
  runs,
  inTheMiddle,
}: DashboardOptions): Promise<DashboardRun> {
  const nowMs = Date.now();
  // Whole days that are over, if any: nothing comes for them any more.
  const over = { fromMs: midnight(nowMs - (days - 1) * DAY_MS), toMs: midnight(nowMs - LATE_MS) };
  const past = over.fromMs < over.toMs ? await ask(api, over.fromMs, over.toMs) : undefined;
  const milliseconds: number[] = [];
  let last: Answer | undefined;
  for (let run = 0; run < runs; run += 1) {
    if (run === Math.floor(runs / 2)) await inTheMiddle?.();
    const toMs = Date.now();
    const before = performance.now();
    last = await ask(api, toMs - days * DAY_MS, toMs);
    milliseconds.push(performance.now() - before);
  }
  if (past !== undefined && !isDeepStrictEqual(past, await ask(api, over.fromMs, over.toMs))) {
    throw new Error('the telemetry of days that are over has changed');
  }
  return {
    queryMs: percentilesOf(milliseconds),
    points: last?.telemetry.points.length ?? 0,
    resolutionSeconds: last?.telemetry.resolutionSeconds ?? 0,
  };
}

const midnight = (ms: number): number => Math.floor(ms / DAY_MS) * DAY_MS;

const ask = (api: ControllerClient, fromMs: number, toMs: number): Promise<Answer> =>
  api.query(
    FLEET_QUERY,
    {
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
      // By the hour; a range that begins within one touches one more.
      hours: Math.ceil((toMs - fromMs) / HOUR_MS) + 1,
    },
    answerSchema,
  );
