import { readFileSync } from 'node:fs';

const LOOK_INTERVAL_MS = 250;

/** Resident memory of one process. */
export interface ResidentMemory {
  /** When the watch began. */
  idleMiB: number;
  /** The most since then. */
  mostMiB: number;
}

/** Looks at the resident memory of processes four times a second. */
export class ResidentMemoryWatch {
  private readonly memory: ResidentMemory[];
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly pids: readonly number[]) {
    this.memory = pids.map(residentMiB).map((mib) => ({ idleMiB: mib, mostMiB: mib }));
    this.timer = setInterval(() => this.look(), LOOK_INTERVAL_MS);
  }

  /** Ends the watch; in the order of the pids. */
  end(): readonly ResidentMemory[] {
    clearInterval(this.timer);
    this.look();
    return this.memory;
  }

  private look(): void {
    for (const [i, memory] of this.memory.entries()) {
      memory.mostMiB = Math.max(memory.mostMiB, residentMiB(this.pids[i] ?? 0));
    }
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
