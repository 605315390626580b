import { cpuPerGigabyte, queueMs } from '../runs/run-figures.js';
import { median } from '../runs/run-groups.js';
import type { TransferResult, Transport } from '../runs/transfer-result.js';
import { CPU_BARS, GOODPUT_BARS, standingQueueBarMs, USEFUL_SHARE_BAR, VM_TIMES_BBR_BAR } from './bars.js';
import type { Check } from './check.js';
import type { SectionView, ViewTable } from './section-view.js';

const GIGABIT_MBPS = 1000;
/** Links on which the CPU, not the wire, limits a virtual machine's memory. */
const CPU_LIMITED = ['metro'];

type Figure = (run: TransferResult) => number;

/** The seeds of one transport on one link. */
interface Cell {
  link: string;
  runs: readonly TransferResult[];
  middle(figure: Figure): number;
}

/** Runs of one workload, to look up by link and transport. */
class Cells {
  readonly links: readonly string[];
  readonly transports: readonly Transport[];

  constructor(private readonly runs: readonly TransferResult[]) {
    this.links = [...new Set(runs.map((run) => run.link))];
    this.transports = [...new Set(runs.map((run) => run.transport))];
  }

  at(link: string, transport: Transport): Cell | undefined {
    const runs = this.runs.filter((run) => run.link === link && run.transport === transport);
    if (runs.length === 0) return undefined;
    return { link, runs, middle: (figure) => median(runs.map(figure)) };
  }

  /** A row for each link of what is to be said of its transports. */
  rows(cells: (link: string) => readonly string[]): string[][] {
    return this.links.map((link) => [link, ...cells(link)]);
  }
}

/** Goodput of the second half of a run, Mbit/s. */
export function secondHalfMbps({ seriesMbps }: TransferResult): number {
  const half = seriesMbps.slice(Math.ceil(seriesMbps.length / 2));
  return half.reduce((sum, value) => sum + value, 0) / half.length;
}

const firstByteMbps: Figure = (run) => run.goodputMbps;
const usefulShare: Figure = (run) => run.bytes / run.bytesSettled;

// ---- random bytes ---------------------------------------------------------------------------------------

export function randomView(runs: readonly TransferResult[]): SectionView {
  const cells = new Cells(runs);
  return {
    heading: 'Random bytes',
    note:
      'One TCP connection, Mbit/s at the sink as "from the first byte / second half of the run", medians of the seeds. ' +
      'The limit is what the rate leaves after headers of 60 bytes and the loss; TCP’s headers are 52.',
    tables: [goodputTable(cells), costTable(cells)],
    checks: cells.links.flatMap((link) => {
      const cell = cells.at(link, 'longhaul');
      return cell ? [...goodputChecks(cell), ...usefulCheck(cell), ...gigabitChecks(cell)] : [];
    }),
  };
}

function goodputTable(cells: Cells): ViewTable {
  const others = cells.transports.filter((transport) => transport !== 'longhaul');
  const both = (cell: Cell | undefined): string =>
    cell ? `${rate(cell.middle(firstByteMbps))} / ${rate(cell.middle(secondHalfMbps))}` : '–';
  return {
    header: ['Link', ...others.map(titleOf), 'Limit', 'Longhaul', 'Bar', 'To BBR', 'Verdict'],
    rows: cells.rows((link) => {
      const [longhaul, bbr] = [cells.at(link, 'longhaul'), cells.at(link, 'bbr')];
      const bar = GOODPUT_BARS[link];
      return [
        ...others.map((transport) => both(cells.at(link, transport))),
        rate(cells.at(link, cells.transports[0] ?? 'longhaul')?.runs[0]?.limitMbps ?? Number.NaN),
        both(longhaul),
        bar ? `${bar.firstByteMbps} / ${bar.steadyMbps}` : '–',
        ratio(longhaul, bbr),
        longhaul ? verdict(goodputChecks(longhaul)) : '–',
      ];
    }),
  };
}

function costTable(cells: Cells): ViewTable {
  const { transports } = cells;
  return {
    header: [
      ...['Link', ...transports.map((transport) => `${titleOf(transport)} queue ms`)],
      ...transports.map((transport) => `${titleOf(transport)} useful`),
      ...transports.filter(isTunnel).map((transport) => `${titleOf(transport)} CPU s/GB`),
    ],
    rows: cells.rows((link) => {
      const all = transports.map((transport) => cells.at(link, transport));
      return [
        ...all.map((cell) => (cell ? `${ms(cell, 'meanBytes')} / ${ms(cell, 'maxBytes')}` : '–')),
        ...all.map((cell) => (cell ? cell.middle(usefulShare).toFixed(3) : '–')),
        ...transports.filter(isTunnel).map((transport) => cpu(cells.at(link, transport))),
      ];
    }),
  };
}

function goodputChecks({ link, middle }: Cell): Check[] {
  const bar = GOODPUT_BARS[link];
  if (!bar) return [];
  const common = { unit: 'Mbit/s', sense: 'at least' } as const;
  return [
    {
      what: `${link}, from the first byte`,
      measured: middle(firstByteMbps),
      bar: bar.firstByteMbps,
      ...common,
    },
    { what: `${link}, second half`, measured: middle(secondHalfMbps), bar: bar.steadyMbps, ...common },
  ];
}

function usefulCheck({ link, runs, middle }: Cell): Check[] {
  const [run] = runs;
  if (!run) return [];
  const left = run.limitMbps / run.linkMbps; // what headers and the link's loss leave
  const bar = USEFUL_SHARE_BAR * left;
  return [
    {
      what: `${link}, useful share of the bytes sent`,
      unit: '',
      measured: middle(usefulShare),
      bar,
      sense: 'at least',
    },
  ];
}

function gigabitChecks(cell: Cell): Check[] {
  if (cell.runs[0]?.linkMbps !== GIGABIT_MBPS) return [];
  return cpuChecks(cell, CPU_BARS.gigabit);
}

function cpuChecks({ link, middle }: Cell, bars: { sending: number; receiving: number }): Check[] {
  const of = (agent: string): number => middle((run) => cpuPerGigabyte(run, agent) ?? Number.NaN);
  const common = { unit: 's/GB', sense: 'at most' } as const;
  return [
    { what: `${link}, CPU of the sending agent`, measured: of('agentA'), bar: bars.sending, ...common },
    { what: `${link}, CPU of the receiving agent`, measured: of('agentB'), bar: bars.receiving, ...common },
  ];
}

// ---- queue ----------------------------------------------------------------------------------------------

export function queueView(runs: readonly TransferResult[], rttMsOf: (link: string) => number): SectionView {
  const cells = new Cells(runs.filter((run) => run.transport === 'longhaul'));
  const found = cells.links.flatMap((link) => cells.at(link, 'longhaul') ?? []);
  return {
    heading: 'The queue that Longhaul keeps',
    note: 'Inside the emulator, over the whole run. Standing is the mean, over windows of 100 ms, of the least in the window: what never drains.',
    tables: [
      {
        header: ['Link', 'A full queue ms', 'Standing ms', 'Mean ms', 'Most ms'],
        rows: found.map((cell) => [
          cell.link,
          ...(['limitBytes', 'standingBytes', 'meanBytes', 'maxBytes'] as const).map((figure) =>
            ms(cell, figure),
          ),
        ]),
      },
    ],
    checks: found.map((cell) => {
      const fullQueueMs = cell.middle((run) => queueMs(run, run.queue.limitBytes));
      return {
        what: `${cell.link}, standing queue`,
        unit: 'ms',
        measured: cell.middle((run) => queueMs(run, run.queue.standingBytes)),
        bar: standingQueueBarMs({ name: cell.link, rttMs: rttMsOf(cell.link), fullQueueMs }),
        sense: 'at most',
      };
    }),
  };
}

// ---- a virtual machine's memory -------------------------------------------------------------------------

export function vmView(runs: readonly TransferResult[]): SectionView {
  const cells = new Cells(runs);
  return {
    heading: 'A virtual machine’s memory',
    note: 'One TCP connection, Mbit/s at the sink as "from the first byte / second half of the run"; the image’s LZ4 ratio is about 3 in blocks of 64 KiB.',
    tables: [
      {
        header: [
          'Link',
          ...cells.transports.map(titleOf),
          'To BBR',
          'Wire bytes for each byte',
          'Longhaul CPU s/GB',
        ],
        rows: cells.rows((link) => {
          const longhaul = cells.at(link, 'longhaul');
          return [
            ...cells.transports.map((transport) => {
              const cell = cells.at(link, transport);
              return cell
                ? `${rate(cell.middle(firstByteMbps))} / ${rate(cell.middle(secondHalfMbps))}`
                : '–';
            }),
            ratio(longhaul, cells.at(link, 'bbr')),
            longhaul ? longhaul.middle((run) => run.bytesOnWire / run.bytes).toFixed(3) : '–',
            cpu(longhaul),
          ];
        }),
      },
    ],
    checks: cells.links.flatMap((link) => vmChecks(cells, link)),
  };
}

function vmChecks(cells: Cells, link: string): Check[] {
  const [longhaul, bbr] = [cells.at(link, 'longhaul'), cells.at(link, 'bbr')];
  if (!longhaul) return [];
  if (CPU_LIMITED.includes(link)) return cpuChecks(longhaul, CPU_BARS.vm);
  if (!bbr) return [];
  const measured = longhaul.middle(secondHalfMbps) / bbr.middle(secondHalfMbps);
  return [
    { what: `${link}, second half`, unit: 'times BBR', measured, bar: VM_TIMES_BBR_BAR, sense: 'at least' },
  ];
}

// ---- cells ----------------------------------------------------------------------------------------------

function titleOf(transport: Transport): string {
  return { cubic: 'CUBIC', bbr: 'BBR', longhaul: 'Longhaul', kcptun: 'kcptun' }[transport];
}

function isTunnel(transport: Transport): boolean {
  return transport === 'longhaul' || transport === 'kcptun';
}

function rate(mbps: number): string {
  return Number.isFinite(mbps) ? mbps.toFixed(mbps < 200 ? 1 : 0) : '–';
}

function ms({ middle }: Cell, figure: keyof TransferResult['queue']): string {
  return middle((run) => queueMs(run, run.queue[figure])).toFixed(1);
}

function cpu(cell: Cell | undefined): string {
  if (!cell) return '–';
  return ['agentA', 'agentB']
    .map((agent) => cell.middle((run) => cpuPerGigabyte(run, agent) ?? Number.NaN).toFixed(1))
    .join(' + ');
}

function ratio(ours: Cell | undefined, rival: Cell | undefined): string {
  if (!ours || !rival) return '–';
  const of = (figure: Figure): string => (ours.middle(figure) / rival.middle(figure)).toFixed(2);
  return `${of(firstByteMbps)} / ${of(secondHalfMbps)}`;
}

/** "met", or by how much each of the two figures is short. */
function verdict(checks: readonly Check[]): string {
  if (checks.length === 0) return '–';
  const missing = checks.map(({ measured, bar }) => Math.max(0, bar - measured));
  return missing.every((by) => by === 0) ? 'met' : `short by ${missing.map(rate).join(' / ')}`;
}
