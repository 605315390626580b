import { renderPage } from '../report/index.js';
import { transferOf } from '../runs/testing.js';
import { GOODPUT_BARS, standingQueueBarMs } from './bars.js';
import { type BenchDocument, benchDocumentSchema } from './bench-document.js';
import { benchMarkdown } from './bench-markdown.js';
import { benchPage } from './bench-page.js';
import { type Check, checkCells, isMet } from './check.js';
import { sharingView } from './sharing.js';
import { queueView, randomView, secondHalfMbps, vmView } from './transfers-view.js';
import { loadLinks } from '@longhaul/wan-emulator';

const checkOf = (checks: readonly Check[], what: RegExp): Check | undefined =>
  checks.find((check) => what.test(check.what));

describe('a figure with its bar', () => {
  const check: Check = { what: 'goodput', unit: 'Mbit/s', measured: 920, bar: 930, sense: 'at least' };

  it('is met at the bar, and short by what is missing', () => {
    expect(isMet({ ...check, measured: 930 })).toBe(true);
    expect(checkCells(check)).toEqual(['goodput', '920 Mbit/s', 'at least 930', 'short by 10.0']);
    expect(checkCells({ ...check, sense: 'at most' })[3]).toBe('met');
  });

  it('is not met by a figure that does not exist', () => {
    for (const sense of ['at least', 'at most'] as const) {
      expect(isMet({ ...check, measured: Number.NaN, sense })).toBe(false);
    }
  });

  it('has a bar for every link, within what the link can carry', () => {
    expect(Object.keys(GOODPUT_BARS)).toEqual(loadLinks().links.map(({ name }) => name));
    expect(standingQueueBarMs({ name: 'sonet', rttMs: 5, fullQueueMs: 5 })).toBe(1.25);
    expect(standingQueueBarMs({ name: 'metro', rttMs: 12, fullQueueMs: 12 })).toBe(3);
    expect(standingQueueBarMs({ name: 'bad', rttMs: 80, fullQueueMs: 80 })).toBe(20);
  });
});

const seriesMbps = [20, 80, 94, 94, 94, 96];
const bbr = transferOf({ link: 'mpls', transport: 'bbr', seriesMbps });
const longhaul = transferOf({
  ...{ link: 'mpls', transport: 'longhaul', seriesMbps, goodputMbps: 92 },
  cpuSeconds: { source: 0.1, sink: 0.1, agentA: 0.09, agentB: 0.108, emulator: 1 },
});

describe('transfers', () => {
  it('are judged by medians of the seeds, from the first byte and in the second half', () => {
    expect(secondHalfMbps(bbr)).toBeCloseTo(94.67, 2);
    const runs = [bbr, longhaul, { ...longhaul, goodputMbps: 94 }, { ...longhaul, goodputMbps: 10 }];
    const { checks, tables } = randomView(runs);
    expect(checkOf(checks, /from the first byte/)).toMatchObject({ measured: 92, bar: 93 });
    expect(checkOf(checks, /second half/)).toMatchObject({ bar: 94 });
    expect(tables[0]?.rows).toEqual([
      ['mpls', '90.0 / 94.7', '96.0', '92.0 / 94.7', '93 / 94', '1.02 / 1.00', 'short by 1.0 / 0.0'],
    ]);
  });

  it('are to waste no more than headers, the loss and two percent', () => {
    const check = checkOf(randomView([longhaul]).checks, /useful/);
    expect(check?.bar).toBeCloseTo(0.98 * 0.96, 4);
    expect(check?.measured).toBeCloseTo(36 / 37.5, 4);
  });

  it('are to keep a short queue', () => {
    const [check] = queueView([bbr, longhaul], () => 25).checks;
    expect(check).toMatchObject({ what: 'mpls, standing queue', bar: 6.25 });
    expect(check?.measured).toBeCloseTo(7.2, 4);
  });

  it('of memory are compared with BBR, and by CPU where that is the limit', () => {
    const faster = { ...longhaul, seriesMbps: seriesMbps.map((mbps) => 4 * mbps) };
    expect(vmView([bbr, faster]).checks).toMatchObject([{ unit: 'times BBR', measured: 4, bar: 3 }]);
    const { checks } = vmView([{ ...longhaul, link: 'metro' }]);
    expect(checks.map(({ measured }) => measured)).toEqual([2.5, 3]);
  });
});

describe('flows that share a link', () => {
  const flow = { mbps: 40, seriesMbps: [] };

  it('are judged by the smaller share, or by the share of the tunnel', () => {
    const run = { link: 'metro', withoutLoss: true, seed: 1 };
    const { checks } = sharingView([
      {
        ...run,
        flows: [
          { ...flow, flow: 'fair' },
          { ...flow, flow: 'fair', mbps: 60 },
        ],
      },
      {
        ...run,
        flows: [
          { ...flow, flow: 'fair', mbps: 70 },
          { ...flow, flow: 'cubic', mbps: 30 },
        ],
      },
    ]);
    expect(checks).toMatchObject([
      { measured: 40, bar: 45, sense: 'at least' },
      { measured: 70, bar: 60, sense: 'at most' },
    ]);
  });
});

describe('the document of a bench', () => {
  const document: BenchDocument = {
    bench: 'tunnel',
    measuredAt: '2026-11-25T02:00:00.000Z',
    minutes: 40,
    stolenSeconds: 1.2,
    host: {
      ...{ kernel: '6.18', node: '20.20.2', cpus: 2, cpuModel: 'a processor', memoryMiB: 24_576, native: {} },
      emulator: { udpSegmentation: true, realtime: true, spinners: 2 },
    },
    sections: ['random', 'memory'],
    seeds: [1],
    links: { mpls: { rttMs: 25, seconds: 11 } },
    emulator: {},
    runs: [bbr, longhaul],
    ...{ direct: [], sharing: [], ping: [], crowds: [], interactive: [], requests: [], memory: [] },
    failures: [{ what: 'stalled <receivers>', message: 'no tunnel\nat …' }],
  };

  it('becomes Markdown and a page, with what is met and what was not measured', () => {
    const markdown = benchMarkdown(benchDocumentSchema.parse(document));
    expect(markdown).toContain('## The tunnel against its bars (2026-11-25)');
    expect(markdown).toContain('**2 of 3 bars met.**');
    expect(markdown).toContain('- stalled <receivers>: no tunnel');
    const page = renderPage(benchPage(document));
    expect(page).toContain('2 of 3 bars met.');
    expect(page).toContain('stalled &#60;receivers&#62;');
  });
});
