import { defineLoader, groupBy } from '../graphql/loader.js';
import { TelemetryQueries, type LatestLink } from '../telemetry/telemetry-queries.js';

/**
 * What an agent said longer ago, in milliseconds and in intervals at which it speaks, does not say how a tunnel is now.
 */
const FRESH_MS = 15_000;
const FRESH_INTERVALS = 3;

const telemetry = new TelemetryQueries();

/** How the tunnel is now. */
export const stateOf = (sample: LatestLink | undefined, nowMs = Date.now()): string =>
  sample !== undefined &&
  nowMs - sample.at.getTime() < Math.max(FRESH_MS, FRESH_INTERVALS * sample.intervalMs)
    ? sample.state
    : 'down';

/** The newest samples of the last minute, by agent: one for each of its peers. */
export const latestSamplesLoader = defineLoader(async ({ tx, organizationId, keys }) =>
  groupBy(await telemetry.latest(tx, organizationId, keys), ({ agentId }) => agentId),
);
