import { readFileSync } from 'node:fs';

/** Clock ticks of /proc, USER_HZ: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** User and system seconds of a process so far; 0 if it is gone. */
export function processSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

/** Time that the host gave to others while this machine wanted it, seconds over all CPUs. */
export function stolenSeconds(): number {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  return Number(first.trim().split(/\s+/)[8] ?? 0) / TICKS_PER_SECOND;
}
