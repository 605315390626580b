/**
 * Drives every function of the addon with hostile arguments, packets and blocks under AddressSanitizer and
 * UndefinedBehaviorSanitizer: compiles the addon with them, then runs the seeded generator of src/fuzz in a
 * process that has the sanitizer's library loaded first. `--seconds` (default 20) bounds the run, `--seed` (default: the
 * time) begins it, `--runs` counts seeds; one that fails is printed with the command that repeats it. With `--if-available`
 * a machine without AddressSanitizer is told so and is no failure.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const compiler = process.env.CC ?? 'cc';
/** A seed's run in one process, so that what a long run does to memory is no part of it. */
const SEEDS_PER_PROCESS = 50;
const GRACE_MS = 60_000;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    runs: { type: 'string' },
    'if-available': { type: 'boolean', default: false },
  },
});

function number(name, least) {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= least) return value;
  console.error(`--${name} has to be a whole number from ${least}, not "${values[name]}"`);
  process.exit(2);
}

function sanitizer(name) {
  const path = spawnSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout?.trim() ?? '';
  return path.startsWith('/') && existsSync(path) ? path : undefined;
}

const seconds = number('seconds', 1);
const first = number('seed', 0);
const runs = values.runs === undefined ? Infinity : number('runs', 1);
const library = sanitizer('libasan.so');
if (library === undefined) {
  console.error(
    `AddressSanitizer is missing: ${compiler} has no libasan.so. Debian's gcc brings it: apt-get install gcc`,
  );
  process.exit(values['if-available'] ? 0 : 3);
}

const built = spawnSync(process.execPath, [join(project, 'scripts/build-addon.mjs'), '--sanitize'], {
  stdio: 'inherit',
  env: { ...process.env, LONGHAUL_NATIVE: 'addon' },
});
if (built.status !== 0) process.exit(1);

const environment = {
  ...process.env,
  LD_PRELOAD: library,
  // Node.js itself keeps memory until its end, and catches faults of WebAssembly.
  ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=0:exitcode=77:allocator_may_return_null=1:handle_segv=1',
  UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1:exitcode=77',
};
const addon = join(project, 'build/sanitized/longhaul_native.node');
const deadline = Date.now() + seconds * 1000;
let done = 0;
while (done < runs && (done === 0 || Date.now() < deadline)) {
  const count = Math.min(SEEDS_PER_PROCESS, runs - done);
  const left = Math.max(1000, deadline - Date.now());
  const result = spawnSync(
    process.execPath,
    [join(project, 'dist/fuzz/run.js'), addon, String(first + done), String(count), String(left)],
    { env: environment, encoding: 'utf8', timeout: left + GRACE_MS, maxBuffer: 2 ** 24 },
  );
  const seeds = [...result.stdout.matchAll(/^seed (\d+)$/gm)].map((match) => Number(match[1]));
  if (result.status !== 0) {
    process.stderr.write(result.stderr);
    console.error(
      `\nseed ${seeds.at(-1)} failed (${result.signal ?? `exit code ${result.status}`}); to repeat it:`,
    );
    console.error(`  npm run fuzz:addon -- --runs 1 --seed ${seeds.at(-1)}`);
    process.exit(1);
  }
  done += seeds.length;
}
console.log(`${done} seeds from ${first} without a finding`);
