import { runCrowd, runExchange } from '@longhaul/wan-emulator';
import { z } from 'zod';
import type { LabNetwork } from '../network/lab-network.js';
import { onWarmMachine, prepareLink } from '../runs/quiet-link.js';
import { AgentPair } from '../transports/agent-pair.js';
import { addressesOf } from '../transports/tunnel-addresses.js';
import { STREAM_MEMORY_MIB } from './bars.js';
import type { Check } from './check.js';
import { attempt, type BenchContext, linkOf } from './context.js';
import { ResidentMemoryWatch } from './resident-memory.js';
import type { SectionView } from './section-view.js';

const LINK = 'metro';
const CONNECTIONS = 2_000;
const STALL_SECONDS = 8;
const BULK = { forwardPort: 9001, targetPort: 9000 };
const INTERACTIVE = { forwardPort: 9003, targetPort: 9002 };
const EXCHANGES = { count: 50, bytes: 64, intervalMs: 20, maxSeconds: 30 };

const residentSchema = z.object({ idleMiB: z.number(), mostMiB: z.number() });

export const memoryRunSchema = z.object({
  seed: z.number(),
  connections: z.number(),
  /** Of site a, which sends, and of site b, whose far sockets take nothing. */
  agentA: residentSchema,
  agentB: residentSchema,
  /** Median round trip of another stream in the meantime; null if that got no answer. */
  otherStreamMs: z.number().nullable(),
});

/** Resident memory of both agents while the receivers of many connections read nothing. */
export type MemoryRun = z.output<typeof memoryRunSchema>;

type StalledCrowd = Pick<MemoryRun, 'connections' | 'otherStreamMs'>;

export async function runMemory(context: BenchContext): Promise<MemoryRun[]> {
  const results: MemoryRun[] = [];
  for (const seed of context.seeds) {
    const result = await attempt(context, `${CONNECTIONS} stalled receivers, seed ${seed}`, () =>
      stall(context, seed),
    );
    if (result) results.push(result);
  }
  return results;
}

async function stall(context: BenchContext, seed: number): Promise<MemoryRun | undefined> {
  const { network } = context;
  const link = linkOf(context, LINK);
  if (!link) return undefined;
  await prepareLink(network, link, seed);
  const pair = await AgentPair.start(network, { ...BULK, interactive: INTERACTIVE });
  const watch = new ResidentMemoryWatch([pair.pids.a, pair.pids.b]);
  try {
    const { connections, otherStreamMs } = await onWarmMachine(network, () => stallBesideAnother(network));
    const [agentA, agentB] = watch.end();
    return agentA && agentB && { seed, connections, otherStreamMs, agentA, agentB };
  } finally {
    watch.end();
    await pair.stop();
  }
}

async function stallBesideAnother({ a: from, b: to }: LabNetwork): Promise<StalledCrowd> {
  let other: Promise<number | null> = Promise.resolve(null);
  const { connections } = await runCrowd({
    ...{ from, to, ...addressesOf(BULK, true), stalled: true },
    ...{ count: CONNECTIONS, seconds: STALL_SECONDS, connectSeconds: 30 },
    onCounting: () => {
      other = runExchange({ from, to, ...addressesOf(INTERACTIVE, true), ...EXCHANGES }).then(
        ({ elapsedUs }) => elapsedUs.p50 / 1e3,
        () => null,
      );
    },
  });
  return { connections, otherStreamMs: await other };
}

export function memoryView(runs: readonly MemoryRun[]): SectionView {
  return {
    heading: 'Memory with stalled receivers',
    note:
      `${CONNECTIONS.toLocaleString('en-GB')} connections on ${LINK} whose receivers read nothing for ${STALL_SECONDS} s, and whose senders write all they ` +
      `can; the most that was resident. The bar is the agents' setting for streams, ${STREAM_MEMORY_MIB} MiB.`,
    tables: [
      {
        header: [
          'Seed',
          'Connections',
          'Sending agent MiB idle > stalled',
          'Receiving agent MiB idle > stalled',
          'Another stream’s round trip ms',
        ],
        rows: runs.map(({ seed, connections, agentA, agentB, otherStreamMs }) => [
          String(seed),
          String(connections),
          `${agentA.idleMiB} > ${agentA.mostMiB}`,
          `${agentB.idleMiB} > ${agentB.mostMiB}`,
          otherStreamMs?.toFixed(1) ?? 'no answer',
        ]),
      },
    ],
    checks: runs.length === 0 ? [] : memoryChecks(runs),
  };
}

function memoryChecks(runs: readonly MemoryRun[]): Check[] {
  const grown = (agent: 'agentA' | 'agentB'): number =>
    Math.max(...runs.map((run) => run[agent].mostMiB - run[agent].idleMiB));
  const common = { unit: 'MiB', bar: STREAM_MEMORY_MIB, sense: 'at most' } as const;
  return [
    { what: 'memory of the sending agent, beyond idle, worst seed', measured: grown('agentA'), ...common },
    { what: 'memory of the receiving agent, beyond idle, worst seed', measured: grown('agentB'), ...common },
    {
      what: 'another stream is answered in the meantime, seeds',
      unit: '',
      measured: runs.filter((run) => run.otherStreamMs !== null).length,
      bar: runs.length,
      sense: 'at least',
    },
  ];
}
