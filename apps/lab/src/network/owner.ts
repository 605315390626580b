import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

const RUN_DIR = '/run/longhaul';

const ownerSchema = z.object({ pid: z.int(), startTicks: z.string() });

/** When a process began, in clock ticks since boot: with its pid, what tells it from a later one. */
function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function path(prefix: string): string {
  return `${RUN_DIR}/lab-${prefix}.json`;
}

/** The live process that owns the namespaces of this prefix, if there is one. */
export function livingOwner(prefix: string): number | undefined {
  try {
    const owner = ownerSchema.parse(JSON.parse(readFileSync(path(prefix), 'utf8')));
    return startTicks(owner.pid) === owner.startTicks ? owner.pid : undefined;
  } catch {
    return undefined;
  }
}

export function claim(prefix: string): void {
  mkdirSync(RUN_DIR, { recursive: true });
  writeFileSync(path(prefix), JSON.stringify({ pid: process.pid, startTicks: startTicks(process.pid) }));
}

export function disclaim(prefix: string): void {
  rmSync(path(prefix), { force: true });
}
