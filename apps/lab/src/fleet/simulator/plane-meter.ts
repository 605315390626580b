import { readFileSync } from 'node:fs';
import { processSeconds } from '../../runs/processor-time.js';
import type { ControlPlane } from '../control-plane.js';

const LOOK_INTERVAL_MS = 250;
/** What processes share is counted page by page, which takes the kernel some time: once in so many looks. */
const LOOKS_PER_COUNT = 40;

/** What a part took over a phase. */
export interface Usage {
  /** CPU seconds for each second: 1 is one core. */
  readonly cpuCores: number;
  /** Most memory, MiB: of several processes, what they share counts once. */
  readonly rssMb: number;
}

/** Which parts there are, and their processes at a moment: a controller that is killed comes back with another. */
export type Parts<Name extends string> = Readonly<Record<Name, () => readonly number[]>>;

/** Of the control plane and of the processes that hold the agents. */
export const partsOf = (plane: ControlPlane, agentPids: readonly number[]) => ({
  controller: () => [plane.controllerPid],
  postgres: () => (plane.postgres === undefined ? [] : withChildren(plane.postgres.pid)),
  nats: () => (plane.nats === undefined ? [] : [plane.nats.pid]),
  agents: () => agentPids,
});

interface Tally {
  /** CPU seconds that each process had at the begin (of those that began later: none) and at the last look. */
  readonly seconds: Map<number, { readonly first: number; last: number }>;
  mostMiB: number;
}

/** Looks at processes four times a second until the end of a phase. What one uses after its last look is not seen. */
export class PlaneMeter<Name extends string> {
  private readonly beganAt = performance.now();
  private readonly tallies: Map<Name, Tally>;
  private readonly timer: NodeJS.Timeout;
  private looks = 0;

  constructor(private readonly parts: Parts<Name>) {
    const names = Object.keys(parts) as Name[];
    this.tallies = new Map(names.map((name) => [name, { seconds: new Map(), mostMiB: 0 }]));
    this.look();
    this.timer = setInterval(() => this.look(), LOOK_INTERVAL_MS).unref();
  }

  end(): Readonly<Record<Name, Usage>> {
    clearInterval(this.timer);
    this.look();
    const elapsed = (performance.now() - this.beganAt) / 1000;
    const usages = [...this.tallies].map(([name, { seconds, mostMiB }]) => {
      const used = [...seconds.values()].reduce((sum, { first, last }) => sum + last - first, 0);
      return [name, { cpuCores: Math.round((used / elapsed) * 100) / 100, rssMb: Math.round(mostMiB) }];
    });
    return Object.fromEntries(usages) as Record<Name, Usage>;
  }

  private look(): void {
    const isFirst = this.looks === 0;
    const counts = this.looks++ % LOOKS_PER_COUNT === 0;
    for (const [name, tally] of this.tallies) {
      const pids = this.parts[name]();
      for (const pid of pids) {
        const used = processSeconds(pid);
        const known = tally.seconds.get(pid);
        if (known === undefined) tally.seconds.set(pid, { first: isFirst ? used : 0, last: used });
        else known.last = Math.max(known.last, used);
      }
      if (counts || pids.length === 1) tally.mostMiB = Math.max(tally.mostMiB, memoryMiB(pids));
    }
  }
}

/** A process and its children. */
function withChildren(pid: number): number[] {
  const children = textOf(`/proc/${String(pid)}/task/${String(pid)}/children`);
  return [pid, ...children.trim().split(/\s+/).filter(Boolean).map(Number)];
}

/** Resident memory of one process; of several, their proportional shares. */
function memoryMiB(pids: readonly number[]): number {
  const [file, field] =
    pids.length === 1 ? ['status', /^VmRSS:\s+(\d+) kB$/m] : ['smaps_rollup', /^Pss:\s+(\d+) kB$/m];
  return pids.reduce((sum, pid) => sum + kibibytes(`/proc/${String(pid)}/${file}`, field) / 1024, 0);
}

const kibibytes = (path: string, field: RegExp): number => Number(field.exec(textOf(path))?.[1] ?? 0);

/** Empty of a process that is gone. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
