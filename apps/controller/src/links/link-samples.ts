import { defineLoader, groupBy } from '../graphql/loader.js';
import { TelemetryQueries, type LatestLink } from '../telemetry/telemetry-queries.js';

/** What an agent said longer ago does not say how a tunnel is now, in milliseconds. */
export const FRESH_MS = 15_000;

const telemetry = new TelemetryQueries();

/** How the tunnel is now. */
export const stateOf = (sample: LatestLink | undefined, nowMs = Date.now()): string =>
  sample !== undefined && nowMs - sample.at.getTime() < FRESH_MS ? sample.state : 'down';

/** The newest samples of the last minute, by agent: one for each of its peers. */
export const latestSamplesLoader = defineLoader(async ({ tx, organizationId, keys }) =>
  groupBy(await telemetry.latest(tx, organizationId, keys), ({ agentId }) => agentId),
);
