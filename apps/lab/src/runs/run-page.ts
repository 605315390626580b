import { chartGrid, dataTable, type Markup, legend, type Page, type Section } from '../report/index.js';
import type { HostDescription } from './host.js';
import type { RunDocument } from './run-document.js';
import {
  type Comparison,
  compareRuns,
  goodputBars,
  goodputChart,
  perLink,
  processorBars,
  queueChart,
  wireBars,
} from './run-charts.js';
import { cpuPerGigabyte, queueMs, settledMbps } from './run-figures.js';
import { median } from './run-groups.js';
import { MEASUREMENT_HEADER, measurementCells, RUN_HEADER, runCells } from './run-table.js';
import type { TransferResult } from './transfer-result.js';

/** A page with charts of what `lab run --json` printed. */
export function runPage({ measuredAt, host, emulator, runs }: RunDocument): Page {
  const comparisons = compareRuns(runs);
  return {
    title: 'Longhaul lab: transports compared',
    lead: 'The same bytes over the same emulated links, by the transports in turn. Every byte was compared at its sink.',
    facts: [
      ['Measured', measuredAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')],
      ...hostFacts(host),
      ['Runs', String(runs.length)],
      ['Withheld by the host', `${runs.reduce((total, run) => total + run.stolenSeconds, 0).toFixed(1)} s`],
    ],
    sections: [
      ...comparisons.flatMap(comparisonSections),
      ...emulatorSection(Object.values(emulator)),
      { heading: 'Every run', content: [dataTable(columnsOf(RUN_HEADER, 3), runs.map(runCells))] },
    ],
  };
}

/** The machine, as facts of a page. */
export function hostFacts(host: HostDescription): [string, string][] {
  return [
    ['Machine', `${host.cpus} × ${host.cpuModel}, ${(host.memoryMiB / 1024).toFixed(0)} GiB`],
    ['Kernel', host.kernel],
    ['Node.js', host.node],
    ['UDP super-packets', host.emulator.udpSegmentation ? 'pass' : 'do not pass'],
  ];
}

/** Goodput, queue and cost of one workload. */
export function comparisonSections(comparison: Comparison): Section[] {
  const key = legend(comparison.transports);
  const { workload } = comparison;
  return [
    {
      heading: `Goodput, ${workload}`,
      note:
        'Median of the seeds after the first two seconds, or of the whole run where that is shorter. 100 % is what the ' +
        "link's rate leaves after headers of 60 bytes and its own loss; TCP's are 52. More is compression.",
      content: [key, goodputBars(comparison), summaryTable(comparison)],
    },
    {
      heading: `Goodput over time, ${workload}`,
      note: 'From the first byte at the sink, in half seconds; of several seeds the run with the median goodput.',
      content: [key, chartGrid(perLink(comparison, goodputChart))],
    },
    {
      heading: `Queueing delay over time, ${workload}`,
      note: 'What a packet that enters the emulated queue at that moment has to wait; four samples a second.',
      content: [key, chartGrid(perLink(comparison, queueChart))],
    },
    {
      heading: `What it cost, ${workload}`,
      content: [key, chartGrid([processorBars(comparison), wireBars(comparison)])],
    },
  ];
}

function summaryTable({ groups }: Comparison): Markup {
  const header = [
    'Link',
    'Transport',
    'Seeds',
    'Mbit/s',
    'Steady',
    'Limit',
    'To BBR',
    'Wire MB',
    'Queue ms mean / max',
  ];
  const rows = groups.map((group) => {
    const { link, transport, runs } = group;
    const rival = groups.find((other) => other.link === link && other.transport === 'bbr');
    const middle = (figure: (run: TransferResult) => number): number => median(runs.map(figure));
    return [
      link,
      transport,
      String(runs.length),
      middle((run) => run.goodputMbps).toFixed(1),
      middle(settledMbps).toFixed(1),
      middle((run) => run.limitMbps).toFixed(1),
      rival ? (middle(settledMbps) / median(rival.runs.map(settledMbps))).toFixed(2) : '–',
      middle((run) => run.bytesOnWire / 1e6).toFixed(1),
      `${middle((run) => queueMs(run, run.queue.meanBytes)).toFixed(1)} / ${middle((run) => queueMs(run, run.queue.maxBytes)).toFixed(1)}`,
      middle((run) => run.rttMs?.smoothed ?? Number.NaN).toFixed(1),
      cpuCells(runs, 'agentA', 'agentB'),
    ];
  });
  return dataTable(columnsOf([...header, 'RTT ms', 'Agents CPU s/GB'], 2), rows);
}

function cpuCells(runs: readonly TransferResult[], ...processes: string[]): string {
  const cells = processes.map((process) => {
    const values = runs.map((run) => cpuPerGigabyte(run, process)).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : median(values).toFixed(1);
  });
  return cells.includes(undefined) ? '–' : cells.join(' + ');
}

function emulatorSection(measurements: RunDocument['emulator'][string][]): Section[] {
  if (measurements.length === 0) return [];
  const table = dataTable(columnsOf(MEASUREMENT_HEADER, 1), measurements.map(measurementCells));
  return [
    { heading: "The emulator's own error", note: 'What was asked of it > what it gave.', content: [table] },
  ];
}

function columnsOf(header: readonly string[], leftColumns: number): { label: string; numeric: boolean }[] {
  return header.map((label, i) => ({ label, numeric: i >= leftColumns }));
}
