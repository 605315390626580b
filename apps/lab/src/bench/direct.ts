import { runStream } from '@longhaul/wan-emulator';
import { z } from 'zod';
import { SITE_ADDRESSES } from '../network/lab-network.js';
import { processSeconds } from '../runs/processor-time.js';
import { onWarmMachine } from '../runs/quiet-link.js';
import { median } from '../runs/run-groups.js';
import { mbps } from '../runs/series.js';
import { AgentPair } from '../transports/agent-pair.js';
import { addressesOf } from '../transports/tunnel-addresses.js';
import { CPU_BARS, DIRECT_BAR_MBPS } from './bars.js';
import type { Check } from './check.js';
import { attempt, type BenchContext } from './context.js';
import type { SectionView } from './section-view.js';

const SECONDS = 8;
const PORTS = { forwardPort: 9001, targetPort: 9000 };
const GIGABYTE = 1e9;

export const directRunSchema = z.object({
  seed: z.number(),
  goodputMbps: z.number(),
  /** CPU seconds of each agent for each GB of application bytes. */
  sendingCpu: z.number(),
  receivingCpu: z.number(),
});

/** Random bytes through one pair of agents over a veth pair: no emulator, no limit but the machine. */
export type DirectRun = z.output<typeof directRunSchema>;

export async function runDirect(context: BenchContext): Promise<DirectRun[]> {
  const results: DirectRun[] = [];
  for (const seed of context.seeds) {
    const result = await attempt(context, `without an emulator, seed ${seed}`, () => direct(context, seed));
    if (result) results.push(result);
  }
  return results;
}

async function direct({ network }: BenchContext, seed: number): Promise<DirectRun> {
  const { a, b } = SITE_ADDRESSES;
  const pair = await AgentPair.start(network, { ...PORTS, over: { a: a.direct, b: b.direct } });
  try {
    return await onWarmMachine(network, async () => {
      const clocks = (): [number, number] => [processSeconds(pair.pids.a), processSeconds(pair.pids.b)];
      const before = clocks();
      let after = before;
      const { sink } = await runStream({
        from: network.a,
        to: network.b,
        ...addressesOf(PORTS, true),
        pattern: `random:${seed}`,
        seconds: SECONDS,
        onFinished: () => {
          after = clocks();
          return Promise.resolve();
        },
      });
      if (!sink.intact) throw new Error('wrong bytes at the sink');
      const perGigabyte = (i: 0 | 1): number => (after[i] - before[i]) / (sink.bytes / GIGABYTE);
      const cpu = { sendingCpu: perGigabyte(0), receivingCpu: perGigabyte(1) };
      return { seed, goodputMbps: mbps(sink.bytes, sink.seconds), ...cpu };
    });
  } finally {
    await pair.stop();
  }
}

export function directView(runs: readonly DirectRun[]): SectionView {
  return {
    heading: 'Without an emulator',
    note: 'Random bytes over one TCP connection through one pair of agents, whose tunnel runs over a veth pair with segmentation offload.',
    tables: [
      {
        header: ['Seed', 'Mbit/s', 'Sending agent CPU s/GB', 'Receiving agent CPU s/GB'],
        rows: runs.map((run) => [
          String(run.seed),
          run.goodputMbps.toFixed(0),
          run.sendingCpu.toFixed(2),
          run.receivingCpu.toFixed(2),
        ]),
      },
    ],
    checks: runs.length === 0 ? [] : directChecks(runs),
  };
}

function directChecks(runs: readonly DirectRun[]): Check[] {
  const middle = (figure: 'goodputMbps' | 'sendingCpu' | 'receivingCpu'): number =>
    median(runs.map((run) => run[figure]));
  const cpu = { unit: 's/GB', sense: 'at most' } as const;
  const { sending, receiving } = CPU_BARS.direct;
  return [
    {
      what: 'goodput',
      unit: 'Mbit/s',
      measured: middle('goodputMbps'),
      bar: DIRECT_BAR_MBPS,
      sense: 'at least',
    },
    { what: 'CPU of the sending agent', measured: middle('sendingCpu'), bar: sending, ...cpu },
    { what: 'CPU of the receiving agent', measured: middle('receivingCpu'), bar: receiving, ...cpu },
  ];
}
