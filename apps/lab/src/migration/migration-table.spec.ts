import type { MigrationResult } from './migration-result.js';
import { formatMigrations } from './migration-table.js';
import { migration } from './testing.js';

function rows(...runs: MigrationResult[]): string[][] {
  const [, ...lines] = formatMigrations(runs).split('\n');
  return lines.map((line) => line.split(/ {2,}/));
}

describe('the table of migrations', () => {
  it("compares with the medians of the kernel's TCP on the same link", () => {
    const runs = [
      migration(),
      migration({ seed: 2, migrationSeconds: 140 }),
      migration({ transport: 'bbr', migrationSeconds: 40 }),
      migration({ transport: 'longhaul', migrationSeconds: 16 }),
      migration({ link: 'metro', transport: 'bbr', migrationSeconds: 5 }),
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
    const [cells, said] = rows(migration(failed));
    expect(cells).toEqual([
      ...['mpls', 'cubic', '1', 'failed', '-', '-', '-', '1', '420', '540', '560', 'intact'],
    ]);
    expect(said).toEqual(['mpls cubic seed 1: not done after 600 s']);
  });

  it('does not hide wrong bytes, nor a guest that says nothing', () => {
    const memory = [
      { memoryIntact: false, memoryBytesWrong: 4096 },
      { memoryIntact: false, memoryBytesWrong: null },
    ].map((changes) => rows(migration(changes))[0]?.at(-1));
    expect(memory).toEqual(['4096 B WRONG', 'no answer']);
  });
});
