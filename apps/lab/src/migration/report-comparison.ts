import type { LinkFile } from '@longhaul/wan-emulator';
import { formatTable } from '../runs/table.js';
import type { MigrationResult } from './migration-result.js';
import { medianSeconds } from './migration-table.js';

const HEADER = [
  'LINK',
  'CUBIC s',
  'BBR s',
  'LONGHAUL s',
  'FASTER THAN CUBIC',
  'THAN BBR',
  '2010 REPORT: TCP s',
  'ITS ACCELERATOR s',
  'FASTER',
];

/** Our medians beside what the 2010 validation report printed of its own links, where there are such figures. */
export function formatReportComparison(
  runs: readonly MigrationResult[],
  { unaccelerated, accelerated }: LinkFile['reportSeconds'],
): string {
  const links = [...new Set(runs.map(({ link }) => link))];
  const rows = links.map((link) => {
    const [cubic, bbr, longhaul] = (['cubic', 'bbr', 'longhaul'] as const).map((transport) =>
      medianSeconds(runs, link, transport),
    );
    const [before, after] = [unaccelerated[link], accelerated[link]];
    return [
      link,
      ...[cubic, bbr, longhaul].map(seconds),
      ...[times(cubic, longhaul), times(bbr, longhaul)],
      ...[seconds(before), seconds(after), times(before, after)],
    ];
  });
  return formatTable(HEADER, rows, 1);
}

function seconds(value: number | undefined): string {
  return value?.toFixed(1) ?? '-';
}

function times(slow: number | undefined, fast: number | undefined): string {
  return slow === undefined || fast === undefined ? '-' : `${(slow / fast).toFixed(2)}x`;
}
