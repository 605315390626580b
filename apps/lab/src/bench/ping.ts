import { ping, runStream } from '@longhaul/wan-emulator';
import { z } from 'zod';
import { SITE_ADDRESSES } from '../network/lab-network.js';
import { onWarmMachine, prepareLink } from '../runs/quiet-link.js';
import { median } from '../runs/run-groups.js';
import { mbps } from '../runs/series.js';
import { TRANSPORTS, type Transport } from '../runs/transfer-result.js';
import { addressesOf } from '../transports/tunnel-addresses.js';
import { startTunnelTransport } from '../transports/tunnel-transport.js';
import { PING_BAR_MS } from './bars.js';
import { attempt, type BenchContext, linkOf } from './context.js';
import type { SectionView } from './section-view.js';

const LINK = 'mpls';
const SECONDS = 14;
/** The transfer's start is not what a ping beside it sees for most of its time. */
const PING_AFTER_MS = 2_000;
const INTERVAL_MS = 50;
const PINGS = 200;
const PORTS = { forwardPort: 9001, targetPort: 9000 };
const PING_PORT = 9010;

export const pingRunSchema = z.object({
  link: z.string(),
  transport: z.enum(TRANSPORTS),
  seed: z.number(),
  goodputMbps: z.number(),
  sent: z.number(),
  received: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
});

/** UDP echoes through the link, outside any tunnel, beside one transfer. */
export type PingRun = z.output<typeof pingRunSchema>;

export async function runPing(context: BenchContext): Promise<PingRun[]> {
  const results: PingRun[] = [];
  for (const seed of context.seeds) {
    for (const transport of context.transports) {
      const result = await attempt(context, `ping beside ${transport} on ${LINK}, seed ${seed}`, () =>
        pingBeside(context, transport, seed),
      );
      if (result) results.push(result);
    }
  }
  return results;
}

async function pingBeside(
  context: BenchContext,
  transport: Transport,
  seed: number,
): Promise<PingRun | undefined> {
  const { network } = context;
  const link = linkOf(context, LINK);
  if (!link) return undefined;
  await prepareLink(network, link, seed);
  const tunnel = await startTunnelTransport(transport, network, link, PORTS);
  const sites = { from: network.a, to: network.b };
  try {
    const [{ sink }, echoes] = await onWarmMachine(network, () =>
      Promise.all([
        runStream({
          ...sites,
          ...addressesOf(PORTS, tunnel !== undefined),
          congestion: tunnel ? undefined : transport,
          pattern: `random:${seed}`,
          seconds: SECONDS,
        }),
        later(PING_AFTER_MS).then(() =>
          ping({
            ...sites,
            listen: `${SITE_ADDRESSES.b.wan}:${PING_PORT}`,
            ...{ count: PINGS, intervalMs: INTERVAL_MS, waitMs: 1_000 },
          }),
        ),
      ]),
    );
    if (!sink.intact) throw new Error('wrong bytes at the sink');
    const { sent, received, rttUs } = echoes;
    const goodputMbps = mbps(sink.bytes, sink.seconds);
    const rtt = { p50Ms: rttUs.p50 / 1e3, p99Ms: rttUs.p99 / 1e3 };
    return { link: LINK, transport, seed, goodputMbps, sent, received, ...rtt };
  } finally {
    await tunnel?.stop();
  }
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function pingView(runs: readonly PingRun[]): SectionView {
  const tunnelled = runs.filter((run) => run.transport === 'longhaul');
  const measured = median(tunnelled.map((run) => run.p50Ms));
  return {
    heading: 'Ping beside a transfer',
    note: `UDP echoes through ${LINK}, outside the tunnel, 20 a second from the third second of the transfer on. Idle they take 25 ms.`,
    tables: [
      {
        header: ['Transport', 'Seed', 'Goodput Mbit/s', 'Ping ms median', '99 of 100', 'Lost'],
        rows: runs.map((run) => [
          run.transport,
          String(run.seed),
          run.goodputMbps.toFixed(1),
          run.p50Ms.toFixed(1),
          run.p99Ms.toFixed(1),
          `${run.sent - run.received} of ${run.sent}`,
        ]),
      },
    ],
    checks:
      tunnelled.length === 0
        ? []
        : [
            {
              what: `${LINK}, median ping beside Longhaul`,
              unit: 'ms',
              measured,
              bar: PING_BAR_MS,
              sense: 'at most',
            },
          ],
  };
}
