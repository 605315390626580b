import { type ExchangesResult, runCrowd, runExchange, runStream } from '@longhaul/wan-emulator';
import { z } from 'zod';
import { onWarmMachine, prepareLink } from '../runs/quiet-link.js';
import { median } from '../runs/run-groups.js';
import { mbps } from '../runs/series.js';
import { AgentPair } from '../transports/agent-pair.js';
import { addressesOf } from '../transports/tunnel-addresses.js';
import { INTERACTIVE_BAR_MS, SLOWEST_SHARE_BAR } from './bars.js';
import type { Check } from './check.js';
import { attempt, type BenchContext, linkOf } from './context.js';
import type { SectionView } from './section-view.js';

const LINK = 'metro';
const CONNECTIONS = 2_000;
const CONNECT_SECONDS = 30;
const CROWD_SECONDS = 10;
const BULK_SECONDS = 12;
/** Of the bulk transfer, before the interactive stream is timed beside it. */
const BULK_START_MS = 3_000;
const EXCHANGES = { count: 250, bytes: 64, intervalMs: 20, maxSeconds: 60 };
const BULK = { forwardPort: 9001, targetPort: 9000 };
const INTERACTIVE = { forwardPort: 9003, targetPort: 9002 };

const timesSchema = z.object({ p50Ms: z.number(), p99Ms: z.number(), maxMs: z.number() });

export const crowdRunSchema = z.object({
  seed: z.number(),
  /** That reached the far side within half a minute. */
  connections: z.number(),
  /** With at least one byte in the time. */
  served: z.number(),
  /** With a wrong byte, or ended early. */
  broken: z.number(),
  secondsToConnect: z.number(),
  seconds: z.number(),
  /** Of all together. */
  goodputMbps: z.number(),
  slowestBytes: z.number(),
  medianBytes: z.number(),
  fastestBytes: z.number(),
});

/** Many connections through one tunnel, all of them with bytes to send. */
export type CrowdRun = z.output<typeof crowdRunSchema>;

export const interactiveRunSchema = z.object({
  seed: z.number(),
  /** Of a question and its answer on one open connection of class interactive. */
  idle: timesSchema,
  besideBulk: timesSchema,
  bulkMbps: z.number(),
});

export type InteractiveRun = z.output<typeof interactiveRunSchema>;

export async function runConnections(
  context: BenchContext,
): Promise<{ crowds: CrowdRun[]; interactive: InteractiveRun[] }> {
  const [crowds, interactive]: [CrowdRun[], InteractiveRun[]] = [[], []];
  for (const seed of context.seeds) {
    const crowd = await attempt(context, `${CONNECTIONS} connections on ${LINK}, seed ${seed}`, () =>
      withPair(context, seed, () => crowdOver(context, seed)),
    );
    if (crowd) crowds.push(crowd);
    const one = await attempt(context, `an interactive stream beside bulk on ${LINK}, seed ${seed}`, () =>
      withPair(context, seed, () => interactiveBesideBulk(context, seed)),
    );
    if (one) interactive.push(one);
  }
  return { crowds, interactive };
}

async function withPair<T>(
  context: BenchContext,
  seed: number,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const { network } = context;
  const link = linkOf(context, LINK);
  if (!link) return undefined;
  await prepareLink(network, link, seed);
  const pair = await AgentPair.start(network, { ...BULK, interactive: INTERACTIVE });
  try {
    return await onWarmMachine(network, work);
  } finally {
    await pair.stop();
  }
}

async function crowdOver({ network }: BenchContext, seed: number): Promise<CrowdRun> {
  const started = performance.now();
  let secondsToConnect = Number.NaN;
  const sink = await runCrowd({
    from: network.a,
    to: network.b,
    ...addressesOf(BULK, true),
    ...{ count: CONNECTIONS, seconds: CROWD_SECONDS, connectSeconds: CONNECT_SECONDS },
    onCounting: () => (secondsToConnect = (performance.now() - started) / 1000),
  });
  const { bytes, connections, broken, closedEarly, seconds } = sink;
  return {
    ...{ seed, connections, seconds, secondsToConnect: Number(secondsToConnect.toFixed(2)) },
    served: bytes.filter((count) => count > 0).length,
    broken: broken + closedEarly,
    goodputMbps: mbps(
      bytes.reduce((sum, count) => sum + count, 0),
      seconds,
    ),
    slowestBytes: Math.min(...bytes),
    medianBytes: median(bytes),
    fastestBytes: Math.max(...bytes),
  };
}

async function interactiveBesideBulk(context: BenchContext, seed: number): Promise<InteractiveRun> {
  const { network } = context;
  const idle = await exchange(context);
  const [{ sink }, besideBulk] = await Promise.all([
    runStream({
      from: network.a,
      to: network.b,
      ...addressesOf(BULK, true),
      pattern: `random:${seed}`,
      seconds: BULK_SECONDS,
    }),
    new Promise((resolve) => setTimeout(resolve, BULK_START_MS)).then(() => exchange(context)),
  ]);
  return { seed, idle: times(idle), besideBulk: times(besideBulk), bulkMbps: mbps(sink.bytes, sink.seconds) };
}

function exchange({ network }: BenchContext): Promise<ExchangesResult> {
  return runExchange({
    from: network.a,
    to: network.b,
    ...addressesOf(INTERACTIVE, true),
    ...EXCHANGES,
  });
}

function times({ elapsedUs }: ExchangesResult): z.output<typeof timesSchema> {
  return { p50Ms: elapsedUs.p50 / 1e3, p99Ms: elapsedUs.p99 / 1e3, maxMs: elapsedUs.max / 1e3 };
}

// ---- view -----------------------------------------------------------------------------------------------

export function connectionsView(
  crowds: readonly CrowdRun[],
  interactive: readonly InteractiveRun[],
): SectionView {
  return {
    heading: `${CONNECTIONS.toLocaleString('en-GB')} connections, and an interactive stream beside bulk`,
    note:
      `On ${LINK}, through one tunnel. The connections are opened as fast as they are taken, 128 at a time; bytes are ` +
      'counted once all are there, or after half a minute. The interactive stream asks 64 bytes every 20 ms on an open connection of that class.',
    tables: [
      {
        header: [
          'Seed',
          'Served',
          'Broken',
          'Opened in s',
          'Mbit/s together',
          'kB slowest / median / fastest',
        ],
        rows: crowds.map((run) => [
          String(run.seed),
          `${run.served} of ${CONNECTIONS}`,
          String(run.broken),
          run.secondsToConnect.toFixed(1),
          run.goodputMbps.toFixed(0),
          [run.slowestBytes, run.medianBytes, run.fastestBytes]
            .map((bytes) => (bytes / 1e3).toFixed(0))
            .join(' / '),
        ]),
      },
      {
        header: ['Seed', 'Idle ms median / 99 of 100', 'Beside bulk ms median / 99 of 100', 'Bulk Mbit/s'],
        rows: interactive.map((run) => [
          String(run.seed),
          `${run.idle.p50Ms.toFixed(1)} / ${run.idle.p99Ms.toFixed(1)}`,
          `${run.besideBulk.p50Ms.toFixed(1)} / ${run.besideBulk.p99Ms.toFixed(1)}`,
          run.bulkMbps.toFixed(0),
        ]),
      },
    ],
    checks: [...crowdChecks(crowds), ...interactiveChecks(interactive)],
  };
}

function crowdChecks(runs: readonly CrowdRun[]): Check[] {
  if (runs.length === 0) return [];
  const worst = Math.min(...runs.map((run) => run.served - run.broken));
  const slowest = median(runs.map((run) => run.slowestBytes / run.medianBytes));
  return [
    {
      what: 'connections served whole, worst seed',
      unit: '',
      measured: worst,
      bar: CONNECTIONS,
      sense: 'at least',
    },
    {
      what: 'slowest connection',
      unit: 'of the median',
      measured: slowest,
      bar: SLOWEST_SHARE_BAR,
      sense: 'at least',
    },
  ];
}

function interactiveChecks(runs: readonly InteractiveRun[]): Check[] {
  if (runs.length === 0) return [];
  const added = (figure: 'p50Ms' | 'p99Ms'): number =>
    median(runs.map((run) => run.besideBulk[figure] - run.idle.p50Ms));
  const common = { unit: 'ms', bar: INTERACTIVE_BAR_MS, sense: 'at most' } as const;
  return [
    { what: 'added to an interactive round trip, median', measured: added('p50Ms'), ...common },
    { what: 'added to an interactive round trip, 99 of 100', measured: added('p99Ms'), ...common },
  ];
}
