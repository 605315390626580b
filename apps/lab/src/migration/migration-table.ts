import { median } from '../runs/run-groups.js';
import { formatTable } from '../runs/table.js';
import type { Transport } from '../runs/transfer-result.js';
import type { MigrationResult } from './migration-result.js';

export const MIGRATION_HEADER = [
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

/** All migrations in the order in which they were made, then what became of those that failed. */
export function formatMigrations(runs: readonly MigrationResult[]): string {
  const failures = runs.flatMap(({ link, transport, seed, failure }) =>
    failure === null ? [] : [`${link} ${transport} seed ${seed}: ${failure}`],
  );
  return [formatTable(MIGRATION_HEADER, migrationRows(runs), 2), ...failures].join('\n');
}

/** A row for each migration, with how many times faster it is than the median of the kernel's TCP on the same link. */
export function migrationRows(runs: readonly MigrationResult[]): string[][] {
  return runs.map((run) => [
    run.link,
    run.transport,
    String(run.seed),
    run.migrationSeconds?.toFixed(1) ?? 'failed',
    timesFaster(runs, run, 'cubic'),
    timesFaster(runs, run, 'bbr'),
    run.downtimeMs?.toFixed(0) ?? '-',
    String(run.webOutages),
    run.webOutages > 0 ? run.longestOutageMs.toFixed(0) : '-',
    megabytes(run.bytesFromQemu),
    megabytes(run.bytesOnWire),
    memoryCell(run),
  ]);
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

function memoryCell({ memoryIntact, memoryBytesWrong }: MigrationResult): string {
  if (memoryIntact) return 'intact';
  return memoryBytesWrong === null ? 'no answer' : `${memoryBytesWrong} B WRONG`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
