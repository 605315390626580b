import { renderPage } from '../report/index.js';
import { migrationDocumentSchema } from './migration-document.js';
import { migrationPage } from './migration-page.js';
import { migration } from './testing.js';

const document = {
  measuredAt: '2026-11-25T02:00:00.000Z',
  host: {
    ...{ kernel: '6.18', node: '20.20.2', cpus: 2, cpuModel: 'a processor', memoryMiB: 24_576 },
    emulator: { udpSegmentation: true, realtime: true, spinners: 2 },
    native: {},
  },
  guest: {
    accelerator: 'tcg' as const,
    machineMiB: 1024,
    filledMiB: 512,
    rewrittenBytesPerSecond: 1_000_000,
  },
  runs: [
    migration({ migrationSeconds: 100 }),
    migration({ migrationSeconds: 120, seed: 2 }),
    migration({ transport: 'longhaul', migrationSeconds: 16, downtimeMs: 222, bytesOnWire: 250e6 }),
    migration({
      link: 'metro',
      completed: false,
      failure: 'too slow',
      migrationSeconds: null,
      downtimeMs: null,
    }),
  ],
};

describe('the page of migrations', () => {
  const html = renderPage(migrationPage(document));

  it('draws medians of what arrived, and nothing for what did not', () => {
    expect(html).toContain('110.0 seconds');
    expect(html).toContain('16.0 seconds');
    expect(html).toContain('222 ms');
    expect(html).toContain('250 MB');
    expect(html).not.toContain('NaN');
    expect(html.match(/\d+\.\d seconds</g)).toHaveLength(2);
  });

  it('says what the guest ran on, and has a row for every migration', () => {
    expect(html).toContain('1024 MiB on TCG');
    expect(html.match(/<tr><td/g)).toHaveLength(document.runs.length);
    expect(html).toContain('failed');
  });

  it('needs no address', () => {
    expect(html).not.toMatch(/(src|href)=/);
  });

  it('is made of what the command prints', () => {
    expect(migrationDocumentSchema.parse(JSON.parse(JSON.stringify(document)))).toEqual(document);
  });
});
