/**
 * `npm test`: set-up, then formatting and lint, the unit and integration suites (Jest), the portal's (Vitest) and the end-to-end suite. The last line is the total of them all.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail, root, setUp } from './setup.mjs';

const reports = mkdtempSync(join(tmpdir(), 'longhaul-test-'));
process.on('exit', () => rmSync(reports, { recursive: true, force: true }));

function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit' });
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
  });
}

/** Jest and Vitest write the same summary. A suite that did not run counts as one failure. */
function countsOf(report, ok) {
  try {
    const summary = JSON.parse(readFileSync(report, 'utf8'));
    const failed = summary.numFailedTests + (summary.numRuntimeErrorTestSuites ?? 0);
    return { passed: summary.numPassedTests, failed: ok ? failed : Math.max(1, failed) };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

/** Tells what it found when it has ended: several run at once. */
function check(title, command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env: { ...process.env, NX_DAEMON: 'false' } });
    let output = '';
    const keep = (data) => (output += data);
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const end = (ok) => {
      console.log(`\n== ${title}\n${output}`);
      resolve({ passed: ok ? 1 : 0, failed: ok ? 0 : 1 });
    };
    child.on('error', () => end(false));
    child.on('close', (code) => end(code === 0));
  });
}

async function jest(title, config) {
  console.log(`\n== ${title}`);
  const report = join(reports, `${config}.json`);
  const args = [
    '--experimental-vm-modules',
    '--no-warnings',
    'node_modules/jest/bin/jest.js',
    '--config',
    config,
  ];
  return countsOf(report, await run(process.execPath, [...args, '--json', `--outputFile=${report}`]));
}

async function vitest() {
  console.log('\n== Portal');
  const report = join(reports, 'vitest.json');
  const args = [
    'run',
    '--root',
    'apps/portal',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ];
  return countsOf(report, await run('npx', ['vitest', ...args]));
}

await setUp({ forTests: true }).catch(fail);
const results = [
  ...(await Promise.all([
    check('Formatting', 'npx', ['prettier', '--check', '--log-level', 'warn', '.']),
    check('Types of the specs', 'npx', ['tsc', '-p', 'tsconfig.spec.json']),
    check('Lint', 'npx', ['nx', 'run-many', '-t', 'lint', '--output-style=static']),
  ])),
  await jest('Libraries and applications', 'jest.config.js'),
  await vitest(),
  await check('Fuzzing of the addon', 'npm', [
    ...['run', '--silent', 'fuzz:addon', '--'],
    ...['--seconds', '12', '--seed', '1', '--if-available'],
  ]),
  await jest('End to end', 'jest.e2e.config.js'),
];
const total = (kind) => results.reduce((sum, result) => sum + result[kind], 0);
console.log(`\n${total('passed')} passed, ${total('failed')} failed`);
process.exitCode = total('failed') === 0 ? 0 : 1;
