import type { BenchDocument } from './bench-document.js';
import { viewsOf } from './bench-views.js';
import { CHECK_HEADER, checkCells, isMet } from './check.js';
import type { SectionView } from './section-view.js';

/** The bench as Markdown, in the form of docs/benchmarks.md. */
export function benchMarkdown(document: BenchDocument): string {
  const views = viewsOf(document);
  return [
    `## The tunnel against its bars (${document.measuredAt.slice(0, 10)})`,
    conditions(document),
    summary(views),
    ...views.map(sectionMarkdown),
    ...failures(document),
  ].join('\n\n');
}

function conditions({
  host,
  measuredAt,
  minutes,
  stolenSeconds,
  seeds,
  links,
  emulator,
}: BenchDocument): string {
  const lengths = Object.entries(links).map(([name, { seconds }]) => `${name} ${seconds} s`);
  const late = Object.values(emulator).map(({ latenessUs }) => latenessUs.p99);
  return (
    `${host.cpus} cores (${host.cpuModel}), ${Math.round(host.memoryMiB / 1024)} GiB, kernel ${host.kernel}, Node.js ${host.node}; ` +
    `began ${measuredAt.slice(0, 16).replace('T', ' ')} UTC, ${minutes.toFixed(0)} min, ${stolenSeconds.toFixed(1)} s withheld by the host. ` +
    `Seeds ${seeds.join(', ')}. Transfers last: ${lengths.join(', ')}.` +
    (late.length === 0
      ? ''
      : ` The emulator delivers 99 of 100 packets at most ${Math.max(...late).toFixed(0)} us late.`)
  );
}

function summary(views: readonly SectionView[]): string {
  const checks = views.flatMap((view) => view.checks);
  return `**${checks.filter(isMet).length} of ${checks.length} bars met.**`;
}

function sectionMarkdown({ heading, note, tables, checks }: SectionView): string {
  const parts = [`### ${heading}`, note];
  for (const { header, rows } of tables) if (rows.length > 0) parts.push(markdownTable(header, rows));
  if (checks.length > 0) parts.push(markdownTable(CHECK_HEADER, checks.map(checkCells)));
  return parts.join('\n\n');
}

function failures({ failures: failed }: BenchDocument): string[] {
  if (failed.length === 0) return [];
  const list = failed.map(({ what, message }) => `- ${what}: ${message.split('\n')[0] ?? ''}`);
  return ['### Not measured', list.join('\n')];
}

/** A table whose first column is to the left and whose others are to the right, padded as Prettier has it. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) =>
    Math.max(3, title.length, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, i) => (i === 0 ? (cells[i] ?? '').padEnd(width) : (cells[i] ?? '').padStart(width))).join(' | ')} |`;
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(header), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}
