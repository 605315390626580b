import { runCrowd, runExchange } from '@longhaul/wan-emulator';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { SITE_ADDRESSES } from '../network/lab-network.js';
import { onWarmMachine, prepareLink } from '../runs/quiet-link.js';
import { AgentPair } from '../transports/agent-pair.js';
import { STREAM_MEMORY_MIB } from './bars.js';
import { attempt, type BenchContext, linkOf } from './context.js';
import type { SectionView } from './section-view.js';

const LINK = 'metro';
const CONNECTIONS = 2_000;
const STALL_SECONDS = 10;
const BULK = { forwardPort: 9001, targetPort: 9000 };
const INTERACTIVE = { forwardPort: 9003, targetPort: 9002 };
const EXCHANGES = { count: 50, bytes: 64, intervalMs: 20, maxSeconds: 30 };

const residentSchema = z.object({ idleMiB: z.number(), stalledMiB: z.number() });

export const memoryRunSchema = z.object({
  seed: z.number(),
  connections: z.number(),
  /** Of site a, which sends, and of site b, whose far sockets take nothing. */
  agentA: residentSchema,
  agentB: residentSchema,
  /** Median round trip of another stream in the meantime. */
  otherStreamMs: z.number(),
});

/** Resident memory of both agents while the receivers of many connections read nothing. */
export type MemoryRun = z.output<typeof memoryRunSchema>;

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
  const { a, b } = SITE_ADDRESSES;
  const sites = { from: network.a, to: network.b };
  const resident = (): [number, number] => [residentMiB(pair.pids.a), residentMiB(pair.pids.b)];
  try {
    return await onWarmMachine(network, async () => {
      const idle = resident();
      let other: Promise<number> = Promise.resolve(Number.NaN);
      let stalled = idle;
      const watch = setInterval(() => {
        stalled = resident().map((now, i) => Math.max(now, stalled[i] ?? 0)) as [number, number];
      }, 250);
      try {
        const sink = await runCrowd({
          ...sites,
          listen: `${b.wan}:${BULK.targetPort}`,
          connect: `${a.wan}:${BULK.forwardPort}`,
          ...{ count: CONNECTIONS, seconds: STALL_SECONDS, connectSeconds: 60, stalled: true },
          onCounting: () => {
            other = runExchange({
              ...sites,
              listen: `${b.wan}:${INTERACTIVE.targetPort}`,
              connect: `${a.wan}:${INTERACTIVE.forwardPort}`,
              ...EXCHANGES,
            }).then(({ elapsedUs }) => elapsedUs.p50 / 1e3);
            other.catch(() => undefined); // awaited below
          },
        });
        return {
          ...{ seed, connections: sink.connections, otherStreamMs: await other },
          agentA: { idleMiB: idle[0], stalledMiB: stalled[0] },
          agentB: { idleMiB: idle[1], stalledMiB: stalled[1] },
        };
      } finally {
        clearInterval(watch);
      }
    });
  } finally {
    await pair.stop();
  }
}

/** Of a process; 0 if it is gone. */
function residentMiB(pid: number): number {
  try {
    const [, kib = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Math.round(Number(kib) / 1024);
  } catch {
    return 0;
  }
}

export function memoryView(runs: readonly MemoryRun[]): SectionView {
  const grown = ({ idleMiB, stalledMiB }: z.output<typeof residentSchema>): number => stalledMiB - idleMiB;
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
          `${agentA.idleMiB} > ${agentA.stalledMiB}`,
          `${agentB.idleMiB} > ${agentB.stalledMiB}`,
          otherStreamMs.toFixed(1),
        ]),
      },
    ],
    checks:
      runs.length === 0
        ? []
        : (['agentA', 'agentB'] as const).map((agent) => ({
            what: `memory of the ${agent === 'agentA' ? 'sending' : 'receiving'} agent, beyond idle, worst seed`,
            unit: 'MiB',
            measured: Math.max(...runs.map((run) => grown(run[agent]))),
            bar: STREAM_MEMORY_MIB,
            sense: 'at most',
          })),
  };
}
