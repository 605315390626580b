import { loadLinks } from '@longhaul/wan-emulator';
import { formatReportComparison } from './report-comparison.js';
import { migration } from './testing.js';

describe("the comparison with the report's table", () => {
  it('sets our medians beside its figures, and leaves out what there is not', () => {
    const runs = [
      migration({ migrationSeconds: 90 }),
      migration({ migrationSeconds: 110, seed: 2 }),
      migration({ transport: 'bbr', migrationSeconds: 45 }),
      migration({ transport: 'longhaul', migrationSeconds: 20 }),
      migration({ link: 'intercontinental', completed: false, migrationSeconds: null }),
    ];
    const [, ...lines] = formatReportComparison(runs, loadLinks().reportSeconds).split('\n');
    expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
      ['mpls', '100.0', '45.0', '20.0', '5.00x', '2.25x', '395.2', '22.9', '17.26x'],
      ['intercontinental', '-', '-', '-', '-', '-', '-', '-', '-'],
    ]);
  });
});
