import { renderPage } from '../report/index.js';
import { runDocumentSchema } from './run-document.js';
import { runPage } from './run-page.js';
import { transferOf } from './testing.js';

const document = {
  measuredAt: '2026-11-25T02:00:00.000Z',
  host: {
    kernel: '6.18',
    node: '20.20.2',
    cpus: 2,
    cpuModel: 'a processor',
    memoryMiB: 24_576,
    emulator: { udpSegmentation: true, realtime: true, spinners: 2 },
    native: {},
  },
  emulator: {},
  runs: [
    transferOf({}),
    transferOf({ seed: 2, steadyMbps: 92 }),
    transferOf({ seed: 3, steadyMbps: 95 }),
    transferOf({
      transport: 'longhaul',
      steadyMbps: 47,
      cpuSeconds: { source: 0.036, sink: 0.036, agentA: 0.09, agentB: 0.108, emulator: 5 },
    }),
  ],
};

describe('the page of runs', () => {
  const page = renderPage(runPage(runDocumentSchema.parse(document)));
  const cells = [...page.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = '']) =>
    [...row.matchAll(/<td[^>]*>(.*?)<\/td>/g)].map(([, cell]) => cell),
  );

  it('compares medians of the seeds with BBR and with the limit', () => {
    expect(cells).toContainEqual([
      ...['mpls', 'bbr', '3', '90.0', '94.0', '96.0', '1.00', '37.5', '10.0 / 20.0', '35.4', '–'],
    ]);
    expect(cells).toContainEqual([
      ...[
        'mpls',
        'longhaul',
        '1',
        '90.0',
        '47.0',
        '96.0',
        '0.50',
        '37.5',
        '10.0 / 20.0',
        '35.4',
        '2.5 + 3.0',
      ],
    ]);
  });

  it('shows the CPU of both ends without the emulator', () => {
    expect(page).toMatch(/class="value"[^>]*>2<\/text>/);
    expect(page).toMatch(/class="value"[^>]*>7.5<\/text>/);
  });

  it('draws each transport once, over time', () => {
    expect(page.match(/<polyline/g)).toHaveLength(4);
  });
});

it('refuses a document that lacks a figure', () => {
  const incomplete = { ...document, runs: [{ ...transferOf({}), limitMbps: undefined }] };
  expect(runDocumentSchema.safeParse(incomplete).success).toBe(false);
});
