import { type Link, runStream, type StreamResult } from '@longhaul/wan-emulator';
import { z } from 'zod';
import type { LabNetwork } from '../network/lab-network.js';
import { chartGrid, legend, lineChart, type Markup } from '../report/index.js';
import { onWarmMachine, prepareLink } from '../runs/quiet-link.js';
import { median } from '../runs/run-groups.js';
import { seriesMbps } from '../runs/series.js';
import { AgentPair } from '../transports/agent-pair.js';
import { addressesOf } from '../transports/tunnel-addresses.js';
import type { TunnelPorts } from '../transports/tunnel-transport.js';
import { BESIDE_KERNEL_BAR_PCT, SMALLER_SHARE_BAR_PCT } from './bars.js';
import type { Check } from './check.js';
import { attempt, type BenchContext, linkOf } from './context.js';
import type { SectionView } from './section-view.js';

const SECONDS = 30;
const JUDGED_AFTER_SECONDS = 10;
const INTERVAL_SECONDS = 0.5;

const FLOWS = ['fair', 'lossy', 'cubic', 'bbr'] as const;
/** A tunnel of that profile, or a flow of the kernel with that congestion control. */
type Flow = (typeof FLOWS)[number];

interface Case {
  link: string;
  /** The link's loss is set to 0. */
  withoutLoss: boolean;
  flows: readonly [Flow, Flow];
  /** To compare with, not judged: its first seed is enough. */
  compared?: boolean;
}

const CASES: readonly Case[] = [
  { link: 'metro', withoutLoss: true, flows: ['lossy', 'lossy'] },
  { link: 'metro', withoutLoss: true, flows: ['fair', 'fair'] },
  { link: 'metro', withoutLoss: true, flows: ['fair', 'cubic'] },
  { link: 'metro', withoutLoss: true, flows: ['fair', 'bbr'] },
  { link: 'mpls', withoutLoss: false, flows: ['lossy', 'lossy'] },
  { link: 'mpls', withoutLoss: false, flows: ['bbr', 'bbr'], compared: true },
];

const flowSchema = z.object({
  flow: z.enum(FLOWS),
  /** After the first ten seconds. */
  mbps: z.number(),
  seriesMbps: z.array(z.number()),
});

export const sharingRunSchema = z.object({
  link: z.string(),
  withoutLoss: z.boolean(),
  seed: z.number(),
  flows: z.tuple([flowSchema, flowSchema]),
});

/** Two flows that begin together on one link. */
export type SharingRun = z.output<typeof sharingRunSchema>;

export async function runSharing(context: BenchContext): Promise<SharingRun[]> {
  const results: SharingRun[] = [];
  for (const one of CASES) {
    const found = linkOf(context, one.link);
    if (!found) continue;
    const link = one.withoutLoss ? { ...found, lossPct: 0 } : found;
    for (const seed of one.compared ? context.seeds.slice(0, 1) : context.seeds) {
      const flows = await attempt(
        context,
        `sharing ${one.link}: ${one.flows.join(' and ')}, seed ${seed}`,
        () => share(context.network, link, one.flows, seed),
      );
      if (flows) results.push({ link: one.link, withoutLoss: one.withoutLoss, seed, flows });
    }
  }
  return results;
}

async function share(
  network: LabNetwork,
  link: Link,
  flows: Case['flows'],
  seed: number,
): Promise<SharingRun['flows']> {
  await prepareLink(network, link, seed);
  const pairs: AgentPair[] = [];
  try {
    for (const [index, flow] of flows.entries()) {
      if (flow === 'fair' || flow === 'lossy') pairs[index] = await startPair(network, flow, index);
    }
    const streams = await onWarmMachine(network, () =>
      Promise.all([
        send(network, flows[0], 0, pairs[0] !== undefined, seed),
        send(network, flows[1], 1, pairs[1] !== undefined, seed),
      ]),
    );
    return [flowOf(flows[0], streams[0]), flowOf(flows[1], streams[1])];
  } finally {
    for (const pair of pairs) await pair?.stop();
  }
}

function portsOf(index: number): TunnelPorts {
  return { forwardPort: 9101 + index, targetPort: 9111 + index };
}

function startPair(network: LabNetwork, profile: 'fair' | 'lossy', index: number): Promise<AgentPair> {
  return AgentPair.start(network, { ...portsOf(index), profile, tunnelPort: 7800 + index });
}

function send(
  network: LabNetwork,
  flow: Flow,
  index: number,
  tunnelled: boolean,
  seed: number,
): Promise<StreamResult> {
  return runStream({
    from: network.a,
    to: network.b,
    ...addressesOf(portsOf(index), tunnelled),
    congestion: tunnelled ? undefined : flow,
    pattern: `random:${2 * seed + index}`,
    seconds: SECONDS,
  });
}

function flowOf(flow: Flow, { sink }: StreamResult): z.output<typeof flowSchema> {
  if (!sink.intact) throw new Error(`${flow}: wrong bytes at the sink`);
  const series = seriesMbps(sink);
  const judged = series.slice(JUDGED_AFTER_SECONDS / INTERVAL_SECONDS);
  const mbps = judged.reduce((sum, value) => sum + value, 0) / Math.max(judged.length, 1);
  return { flow, mbps: Number(mbps.toFixed(1)), seriesMbps: series };
}

// ---- view -----------------------------------------------------------------------------------------------

export function sharingView(runs: readonly SharingRun[]): SectionView {
  return {
    heading: 'Two flows share a link',
    note:
      'Both begin together and last 30 s; judged is what came after the first 10 s. On metro its loss is set to 0. ' +
      'Lossy and fair are tunnels of that profile, cubic and bbr flows of the kernel.',
    tables: [
      {
        header: ['Link', 'Flows', 'Seed', 'Mbit/s', 'Share of the first'],
        rows: runs.map((run) => [
          run.link,
          nameOf(run),
          String(run.seed),
          run.flows.map(({ mbps }) => mbps.toFixed(1)).join(' : '),
          `${firstSharePct(run).toFixed(0)} %`,
        ]),
      },
    ],
    checks: CASES.flatMap((one) => checkOf(one, runs)),
    charts: [legend(['the first flow', 'the second flow']), chartGrid(runs.map(shareChart))],
  };
}

function shareChart(run: SharingRun): Markup {
  return lineChart({
    title: `${run.link}: ${nameOf(run)}, seed ${run.seed}`,
    xLabel: 'seconds',
    yLabel: 'Mbit/s',
    series: run.flows.map(({ flow, seriesMbps: series }, legendIndex) => ({
      name: flow,
      legendIndex,
      points: series.map((value, i) => [(i + 0.5) * INTERVAL_SECONDS, value]),
    })),
  });
}

function checkOf({ link, flows, compared }: Case, runs: readonly SharingRun[]): Check[] {
  const seeds = runs.filter((run) => run.link === link && nameOf(run) === flows.join(' and '));
  const [first, second] = flows;
  if (seeds.length === 0 || compared) return [];
  const what = `${link}: ${flows.join(' and ')}`;
  if (first === second) {
    const smaller = median(seeds.map((run) => Math.min(firstSharePct(run), 100 - firstSharePct(run))));
    const bar = SMALLER_SHARE_BAR_PCT;
    return [{ what: `${what}, the smaller share`, unit: '%', measured: smaller, bar, sense: 'at least' }];
  }
  const measured = median(seeds.map(firstSharePct));
  return [
    {
      what: `${what}, the tunnel’s share`,
      unit: '%',
      measured,
      bar: BESIDE_KERNEL_BAR_PCT,
      sense: 'at most',
    },
  ];
}

function nameOf({ flows }: SharingRun): string {
  return flows.map(({ flow }) => flow).join(' and ');
}

function firstSharePct({ flows: [first, second] }: SharingRun): number {
  return (100 * first.mbps) / (first.mbps + second.mbps);
}
