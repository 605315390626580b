/**
 * Brings a fresh clone to the point where everything runs: npm packages, the few Debian packages, the builds. It runs
 * before any package is installed, so it uses Node alone. Every step looks first whether there is something to do.
 */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const OLDEST_NODE = [20, 19];
const NPM_STAMP = join(root, 'node_modules', '.longhaul-lock-sha256');

/** Debian packages, each with what shows that it is not needed: a command on the PATH or a file. */
const DEBIAN = [
  { name: 'build-essential', command: 'cc' },
  { name: 'liblz4-dev', file: '/usr/include/lz4.h' },
  { name: 'libzstd-dev', file: '/usr/include/zstd.h' },
  { name: 'iproute2', command: 'ip' },
  { name: 'iputils-ping', command: 'ping' },
  { name: 'nftables', command: 'nft' },
];
/** What only the tests need. */
const DEBIAN_FOR_TESTS = [
  { name: 'chromium', command: 'chromium' },
  { name: 'docker-compose', command: 'docker-compose' },
];

/** A condition that a person has to mend; its message is the one line that says how. */
export class SetupError extends Error {}

function onPath(command) {
  const folders = `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);
  return folders.some((folder) => existsSync(join(folder, command)));
}

const missingOf = (packages) =>
  packages.filter(({ command, file }) => !(command === undefined ? existsSync(file) : onPath(command)));

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new SetupError(
    `Node.js ${process.versions.node} is too old: install 20.19 or newer (24 LTS is recommended).`,
  );
}

function checkRoot() {
  if (process.getuid?.() === 0) return;
  throw new SetupError(
    'Network namespaces and emulated links need root: run it again as root, for example with sudo.',
  );
}

/** Runs a command with its output held back; a failure shows the end of it. */
function quietly(command, args, advice, environment = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env: { ...process.env, ...environment } });
    let output = '';
    const keep = (data) => (output = (output + data).slice(-20_000));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) =>
      reject(new SetupError(`${command} did not start (${error.code}): ${advice}`)),
    );
    child.on('exit', (code) => {
      if (code === 0) return resolve(output);
      process.stderr.write(output);
      reject(new SetupError(`"${command} ${args.join(' ')}" failed: ${advice}`));
    });
  });
}

const OFFLINE = 'see the output above; without internet access, install it by hand and start again.';

async function step(title, work) {
  const started = Date.now();
  process.stderr.write(`${title} …`);
  try {
    await work();
  } catch (error) {
    process.stderr.write('\n');
    throw error;
  }
  process.stderr.write(` ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

const lockSha256 = () =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');

async function installNpmPackages() {
  const wanted = lockSha256();
  if (existsSync(NPM_STAMP) && readFileSync(NPM_STAMP, 'utf8') === wanted) return;
  await step('Installing npm packages (about a minute)', async () => {
    await quietly('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], OFFLINE);
    writeFileSync(NPM_STAMP, wanted);
  });
}

async function installDebianPackages(packages) {
  const missing = missingOf(packages).map(({ name }) => name);
  if (missing.length === 0) return;
  if (!onPath('apt-get')) {
    throw new SetupError(
      `Missing on this machine: ${missing.join(', ')} (Debian's names). Install them and start again.`,
    );
  }
  const quiet = { DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-y', '--no-install-recommends', ...missing];
  await step(`Installing Debian packages (${missing.join(', ')})`, async () => {
    try {
      await promisify(execFile)('apt-get', install, {
        env: { ...process.env, ...quiet },
        maxBuffer: 2 ** 26,
      });
    } catch {
      await quietly('apt-get', ['update'], OFFLINE, quiet);
      await quietly('apt-get', install, OFFLINE, quiet);
    }
  });
}

async function build() {
  mkdirSync(join(root, '.nx'), { recursive: true });
  await step('Building', () =>
    quietly('npx', ['nx', 'run-many', '-t', 'build', '--output-style=static'], 'the errors stand above.', {
      NX_DAEMON: 'false',
    }),
  );
}

/** Does what is missing. `forTests` adds what only the tests need. */
export async function setUp({ forTests = false } = {}) {
  checkNode();
  checkRoot();
  await installDebianPackages(forTests ? [...DEBIAN, ...DEBIAN_FOR_TESTS] : DEBIAN);
  await installNpmPackages();
  await build();
}

/** Ends the process with the one line that helps. Anything else is a defect, and shows its stack. */
export function fail(error) {
  console.error(error instanceof SetupError ? error.message : error);
  process.exit(1);
}
