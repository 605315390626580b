import {
  barChart,
  type BarGroup,
  chartGrid,
  dataTable,
  legend,
  lineChart,
  type Markup,
  type Page,
} from '../report/index.js';
import { median } from '../runs/run-groups.js';
import { hostFacts } from '../runs/run-page.js';
import type { MigrationDocument } from './migration-document.js';
import type { MigrationResult } from './migration-result.js';
import { MIGRATION_HEADER, migrationRows } from './migration-table.js';

/** A page with charts of what `lab migrate --json` printed. */
export function migrationPage({ measuredAt, host, guest, runs }: MigrationDocument): Page {
  const transports = unique(runs.map(({ transport }) => transport));
  const key = legend(transports);
  const columns = MIGRATION_HEADER.map((label, i) => ({ label, numeric: i >= 2 }));
  return {
    title: 'Longhaul lab: a running guest moved between two sites',
    lead: "QEMU's own live migration over emulated links, by the transports in turn, while a client fetches the guest's page.",
    facts: [
      ['Measured', measuredAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')],
      ...hostFacts(host),
      ['Guest', `${guest.machineMiB} MiB on ${guest.accelerator.toUpperCase()}, half of it in use`],
      ['Rewritten by the guest', `${guest.rewrittenBytesPerSecond / 1e6} MB/s`],
    ],
    sections: [
      {
        heading: 'Time to move',
        note: 'Median of the seeds; transports whose guest never arrived have no bar.',
        content: [key, bars(runs, 'Migration', 'seconds', ({ migrationSeconds }) => migrationSeconds, 1)],
      },
      {
        heading: 'What users of the guest noticed',
        note:
          "Downtime is QEMU's own figure. The client asks for the page every 50 ms over a new connection; the longest time " +
          'without any answer includes the downtime and the way of the address to the other site.',
        content: [
          key,
          chartGrid([
            bars(runs, 'Downtime', 'ms', ({ downtimeMs }) => downtimeMs, 0),
            bars(runs, 'Longest time without an answer', 'ms', ({ longestGapMs }) => longestGapMs, 0),
          ]),
        ],
      },
      {
        heading: 'Bytes on the wire',
        content: [key, bars(runs, 'From site a to site b', 'MB', ({ bytesOnWire }) => bytesOnWire / 1e6, 0)],
      },
      {
        heading: 'The link in the course of the move',
        note: 'Rate on the wire, headers included, of the first seed.',
        content: [key, chartGrid(unique(runs.map(({ link }) => link)).map((link) => wireChart(runs, link)))],
      },
      { heading: 'Every migration', content: [dataTable(columns, migrationRows(runs))] },
    ],
  };
}

/** A group for each link with a bar for each transport; `figure` is null where there is nothing to draw. */
function bars(
  runs: readonly MigrationResult[],
  title: string,
  unit: string,
  figure: (run: MigrationResult) => number | null,
  digits: number,
): Markup {
  const transports = unique(runs.map(({ transport }) => transport));
  const groups = unique(runs.map(({ link }) => link)).map((link): BarGroup => {
    const drawn = transports.flatMap((transport, legendIndex) => {
      const values = runs
        .filter((run) => run.link === link && run.transport === transport)
        .flatMap((run) => figure(run) ?? []);
      if (values.length === 0) return [];
      const value = median(values);
      return [{ name: transport, legendIndex, value, text: `${value.toFixed(digits)} ${unit}` }];
    });
    return { label: link, bars: drawn };
  });
  return barChart({ title, axisLabel: unit, groups });
}

function wireChart(runs: readonly MigrationResult[], link: string): Markup {
  const transports = unique(runs.map(({ transport }) => transport));
  const series = transports.flatMap((name, legendIndex) => {
    const run = runs.find((one) => one.link === link && one.transport === name);
    if (!run) return [];
    const { atSeconds, wireMbps } = run.linkSeries;
    const points = atSeconds.map((at, i): [number, number] => [at, wireMbps[i] ?? 0]);
    return [{ name, legendIndex, points }];
  });
  return lineChart({ title: link, xLabel: 'seconds', yLabel: 'Mbit/s', series });
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
