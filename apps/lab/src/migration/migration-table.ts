import { median } from '../runs/run-groups.js';
import { formatTable } from '../runs/table.js';
import type { Transport } from '../runs/transfer-result.js';
import type { MigrationResult } from './migration-result.js';

const HEADER = [
  'LINK',
  'TRANSPORT',
  'SEED',
  'SECONDS',
  'vs CUBIC',
  'vs BBR',
  'DOWNTIME ms',
  'OUTAGES',
  'LONGEST ms',
  'QEMU MB',
  'WIRE MB',
  'MEMORY',
];

/** All migrations in the order in which they were made, with how many times faster each is than the kernel's median. */
export function formatMigrations(runs: readonly MigrationResult[]): string {
  const rows = runs.map((run) => [
    run.link,
    run.transport,
    String(run.seed),
    run.migrationSeconds?.toFixed(1) ?? run.failure ?? '-',
    timesFaster(runs, run, 'cubic'),
    timesFaster(runs, run, 'bbr'),
    run.downtimeMs?.toFixed(0) ?? '-',
    String(run.webOutages),
    run.webOutages > 0 ? run.longestOutageMs.toFixed(0) : '-',
    megabytes(run.bytesFromQemu),
    megabytes(run.bytesOnWire),
    run.memoryIntact ? 'intact' : 'WRONG',
  ]);
  return formatTable(HEADER, rows, 2);
}

/** Median seconds of a transport on a link; undefined if none of its migrations there was completed. */
export function medianSeconds(
  runs: readonly MigrationResult[],
  link: string,
  transport: Transport,
): number | undefined {
  const seconds = runs
    .filter((run) => run.link === link && run.transport === transport)
    .flatMap(({ migrationSeconds }) => migrationSeconds ?? []);
  return seconds.length > 0 ? median(seconds) : undefined;
}

function timesFaster(runs: readonly MigrationResult[], run: MigrationResult, than: Transport): string {
  const other = medianSeconds(runs, run.link, than);
  if (run.transport === than || other === undefined || run.migrationSeconds === null) return '-';
  return `${(other / run.migrationSeconds).toFixed(2)}x`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
