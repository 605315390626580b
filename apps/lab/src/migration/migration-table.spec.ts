import type { MigrationResult } from './migration-result.js';
import { formatMigrations } from './migration-table.js';

const run: MigrationResult = {
  link: 'mpls',
  transport: 'cubic',
  seed: 1,
  completed: true,
  failure: null,
  migrationSeconds: 100,
  downtimeMs: 310,
  webOutages: 1,
  longestOutageMs: 420,
  longestGapMs: 420,
  outageThresholdMs: 250,
  webRequests: 2000,
  webAnswers: 1990,
  bytesOnWire: 560e6,
  bytesOnWireBack: 1e6,
  bytesFromQemu: 540e6,
  passes: 4,
  memoryIntact: true,
  memoryBytesCompared: 600e6,
  congestionControl: 'cubic',
  cpuSeconds: {},
  stolenSeconds: 0,
};

function rows(...runs: MigrationResult[]): string[][] {
  const [, ...lines] = formatMigrations(runs).split('\n');
  return lines.map((line) => line.split(/ {2,}/));
}

describe('the table of migrations', () => {
  it("compares with the medians of the kernel's TCP on the same link", () => {
    const runs = [
      run,
      { ...run, seed: 2, migrationSeconds: 140 },
      { ...run, transport: 'bbr' as const, migrationSeconds: 40 },
      { ...run, transport: 'longhaul' as const, migrationSeconds: 16 },
      { ...run, link: 'metro', transport: 'bbr' as const, migrationSeconds: 5 },
    ];
    expect(rows(...runs).map((cells) => cells.slice(3, 6))).toEqual([
      ['100.0', '-', '0.40x'],
      ['140.0', '-', '0.29x'],
      ['40.0', '3.00x', '-'],
      ['16.0', '7.50x', '2.50x'],
      ['5.0', '-', '-'],
    ]);
  });

  it('says what became of a guest that did not arrive', () => {
    const failed = {
      completed: false,
      failure: 'not done after 600 s',
      migrationSeconds: null,
      downtimeMs: null,
    };
    const [cells, said] = rows({ ...run, ...failed });
    expect(cells).toEqual([
      ...['mpls', 'cubic', '1', 'failed', '-', '-', '-', '1', '420', '540', '560', 'intact'],
    ]);
    expect(said).toEqual(['mpls cubic seed 1: not done after 600 s']);
  });
});
