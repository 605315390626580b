/**
 * `npm run soak:tunnel [-- --packets N --seed N --per-run N]`: random runs until N packets have been sent, one after the other.
 * The exit code is 1 where one had a problem; the seeds that did are told, and are to be kept in scenarios/soak.spec.ts.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { SoakRun } from './soak-run.js';

const { values } = parseArgs({
  options: {
    packets: { type: 'string', default: '10000000' },
    seed: { type: 'string', default: '1' },
    'per-run': { type: 'string', default: '50000' },
  },
});

function wholeNumber(name: 'packets' | 'seed' | 'per-run'): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value > 0) return value;
  process.stderr.write(`--${name} has to be a whole number above 0, not ${values[name]}\n`);
  process.exit(2);
}

/** What went wrong in the run of a seed; a thrown error is a problem too. */
function problemsOf(seed: number, perRun: number): { packets: number; problems: readonly string[] } {
  const run = new SoakRun(seed);
  try {
    run.soak(perRun);
  } catch (error) {
    run.problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return { packets: run.packets, problems: run.problems };
}

const wanted = wholeNumber('packets');
const perRun = wholeNumber('per-run');
const startedMs = Date.now();
const failed: number[] = [];
let packets = 0;
let seed = wholeNumber('seed');

for (let runs = 1; packets < wanted; runs++, seed++) {
  const outcome = problemsOf(seed, perRun);
  packets += outcome.packets;
  if (outcome.problems.length > 0) {
    failed.push(seed);
    process.stdout.write(`seed ${seed}: ${[...new Set(outcome.problems)].slice(0, 5).join('\n  ')}\n`);
  }
  if (runs % 20 === 0 || packets >= wanted) {
    const perSecond = Math.round((packets / Math.max(1, Date.now() - startedMs)) * 1000);
    process.stdout.write(
      `${runs} runs, ${packets} packets, ${perSecond} a second, ${failed.length} failed\n`,
    );
  }
}
if (failed.length > 0) {
  process.stdout.write(`seeds that failed, with --per-run ${perRun}: ${failed.join(' ')}\n`);
  process.exitCode = 1;
}
