import { ping, runRequests } from '@longhaul/wan-emulator';
import { z } from 'zod';
import { SITE_ADDRESSES } from '../network/lab-network.js';
import { onWarmMachine, prepareLink } from '../runs/quiet-link.js';
import { median } from '../runs/run-groups.js';
import { AgentPair } from '../transports/agent-pair.js';
import { addressesOf } from '../transports/tunnel-addresses.js';
import { REQUEST_BAR_RTT } from './bars.js';
import { attempt, type BenchContext, linkOf } from './context.js';
import type { SectionView } from './section-view.js';

const LINK = 'metro';
const REQUESTS = { count: 1_000, bytes: 200, maxSeconds: 120 };
const PINGS = { count: 100, intervalMs: 10, waitMs: 500 };
const PORTS = { forwardPort: 9001, targetPort: 9000 };
const PING_PORT = 9010;

export const requestsRunSchema = z.object({
  transport: z.enum(['tcp', 'longhaul']),
  seed: z.number(),
  count: z.number(),
  /** Median of UDP echoes on the idle link just before. */
  rttMs: z.number(),
  meanMs: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
});

/** Requests one after the other, each on a new connection. */
export type RequestsRun = z.output<typeof requestsRunSchema>;

export async function runSmallRequests(context: BenchContext): Promise<RequestsRun[]> {
  const results: RequestsRun[] = [];
  for (const seed of context.seeds) {
    for (const transport of ['tcp', 'longhaul'] as const) {
      const result = await attempt(
        context,
        `${REQUESTS.count} requests by ${transport} on ${LINK}, seed ${seed}`,
        () => request(context, transport, seed),
      );
      if (result) results.push(result);
    }
  }
  return results;
}

async function request(
  context: BenchContext,
  transport: RequestsRun['transport'],
  seed: number,
): Promise<RequestsRun | undefined> {
  const { network } = context;
  const link = linkOf(context, LINK);
  if (!link) return undefined;
  await prepareLink(network, link, seed);
  const sites = { from: network.a, to: network.b };
  const pair = transport === 'longhaul' ? await AgentPair.start(network, PORTS) : undefined;
  try {
    return await onWarmMachine(network, async () => {
      const echoes = await ping({ ...sites, listen: `${SITE_ADDRESSES.b.wan}:${PING_PORT}`, ...PINGS });
      const { count, meanUs, elapsedUs } = await runRequests({
        ...sites,
        ...addressesOf(PORTS, pair !== undefined),
        ...REQUESTS,
      });
      const times = { meanMs: meanUs / 1e3, p50Ms: elapsedUs.p50 / 1e3, p99Ms: elapsedUs.p99 / 1e3 };
      return { transport, seed, count, rttMs: echoes.rttUs.p50 / 1e3, ...times };
    });
  } finally {
    await pair?.stop();
  }
}

export function requestsView(runs: readonly RequestsRun[]): SectionView {
  const tunnelled = runs.filter((run) => run.transport === 'longhaul');
  const inRtt = (run: RequestsRun, figure: 'meanMs' | 'p50Ms' | 'p99Ms'): number => run[figure] / run.rttMs;
  return {
    heading: 'Small requests',
    note:
      `${REQUESTS.count.toLocaleString('en-GB')} requests of ${REQUESTS.bytes} bytes with answers as long, one after the other, each on a new ` +
      `connection, on ${LINK}; timed from before the connect to the last byte. The unit is the idle link's median UDP echo just before.`,
    tables: [
      {
        header: ['Transport', 'Seed', 'Echo ms', 'Mean ms', 'Mean RTT', 'Median RTT', '99 of 100 RTT'],
        rows: runs.map((run) => [
          run.transport,
          String(run.seed),
          run.rttMs.toFixed(2),
          run.meanMs.toFixed(2),
          ...(['meanMs', 'p50Ms', 'p99Ms'] as const).map((figure) => inRtt(run, figure).toFixed(2)),
        ]),
      },
    ],
    checks:
      tunnelled.length === 0
        ? []
        : (['meanMs', 'p50Ms'] as const).map((figure) => ({
            what: `a request on a new connection, ${figure === 'meanMs' ? 'mean' : 'median'}`,
            unit: 'RTT',
            measured: median(tunnelled.map((run) => inRtt(run, figure))),
            bar: REQUEST_BAR_RTT,
            sense: 'at most',
          })),
  };
}
