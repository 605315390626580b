import type { Link } from '@longhaul/wan-emulator';
import { runTransfer } from '../runs/run-transfer.js';
import type { TransferResult, Transport } from '../runs/transfer-result.js';
import type { Workload } from '../workloads/workload.js';
import { attempt, type BenchContext } from './context.js';

/** Where compression has to pay: CPU is the limit on the gigabit link, the wire on the others. */
const VM_LINKS = ['metro', 'mpls', 'intercontinental', 'bad'];

/** Random bytes over every link, by the transports in turn. */
export function runRandom(context: BenchContext): Promise<TransferResult[]> {
  return runInTurn(context, context.links, context.workloads.random, context.transports);
}

/** The tunnel alone, for the queue that it keeps. */
export function runForQueue(context: BenchContext): Promise<TransferResult[]> {
  return runInTurn(context, context.links, context.workloads.random, ['longhaul']);
}

/** A virtual machine's memory over the links where that is to tell. */
export async function runVm(context: BenchContext): Promise<TransferResult[]> {
  const links = context.links.filter(({ name }) => VM_LINKS.includes(name));
  if (links.length === 0) return [];
  const transports = context.transports.filter((transport) => transport !== 'cubic');
  return runInTurn(context, links, await context.workloads.vm(), transports);
}

async function runInTurn(
  context: BenchContext,
  links: readonly Link[],
  workload: Workload,
  transports: readonly Transport[],
): Promise<TransferResult[]> {
  const { network, seeds } = context;
  const results: TransferResult[] = [];
  for (const link of links) {
    for (const seed of seeds) {
      for (const transport of transports) {
        const result = await attempt(context, `${link.name} ${workload.name} ${transport} seed ${seed}`, () =>
          runTransfer({ network, link, workload, transport, seed, seconds: context.secondsOn(link) }),
        );
        if (result) results.push(result);
      }
    }
  }
  return results;
}
