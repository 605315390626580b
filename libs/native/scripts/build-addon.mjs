/**
 * Compiles src/addon/*.c to build/longhaul_native.node with the system's C compiler and Node's own headers.
 * Does nothing when the addon is newer than its sources; `--force` compiles in any case. Where something is missing to
 * compile with, it says so and succeeds, because the package then runs on its fallback in JavaScript, unless
 * LONGHAUL_NATIVE=addon asks for the addon; LONGHAUL_NATIVE=fallback asks for none. `--sanitize` compiles another one, for
 * fuzzing, to build/sanitized.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const sourceDir = join(project, 'src/addon');
const sanitize = process.argv.includes('--sanitize');
const output = join(project, 'build', sanitize ? 'sanitized' : '.', 'longhaul_native.node');
const optimization = sanitize
  ? ['-O1', '-g', '-fno-omit-frame-pointer', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']
  : ['-O2'];
const compiler = process.env.CC ?? 'cc';

function fail(message) {
  console.error(`longhaul native addon: ${message}`);
  process.exit(1);
}

function goWithout(message) {
  if (process.env.LONGHAUL_NATIVE === 'addon') fail(message);
  console.warn(`longhaul native addon: not built, agents will run without it, slower: ${message}`);
  process.exit(0);
}

function isUpToDate(inputs) {
  if (process.argv.includes('--force') || !existsSync(output)) return false;
  const builtAt = statSync(output).mtimeMs;
  return inputs.every((path) => statSync(path).mtimeMs < builtAt);
}

function npmNodeDir() {
  try {
    const value = execFileSync('npm', ['config', 'get', 'nodedir'], { encoding: 'utf8' }).trim();
    return value === 'undefined' ? undefined : value;
  } catch {
    return undefined;
  }
}

/** The folder of node_api.h and uv.h: beside the running Node, where npm is told, where distributions and node-gyp put it. */
function findNodeHeaders() {
  const complete = (dir) => existsSync(join(dir, 'node_api.h')) && existsSync(join(dir, 'uv.h'));
  const nearby = [
    join(process.execPath, '../../include/node'),
    '/usr/include/node',
    '/usr/include/nodejs',
    join(homedir(), '.cache/node-gyp', process.versions.node, 'include/node'),
  ];
  const found = nearby.find(complete);
  if (found !== undefined) return found;
  const nodeDir = npmNodeDir();
  const configured = nodeDir === undefined ? undefined : join(nodeDir, 'include/node');
  if (configured !== undefined && complete(configured)) return configured;
  return goWithout(
    `the headers of Node.js ${process.versions.node} (node_api.h, uv.h) are not in ${nearby[0]}: ` +
      'install Node.js with its headers (libnode-dev on Debian) or run "npm config set nodedir <its folder>"',
  );
}

function requireHeaders(includeDir) {
  const probe = (header) =>
    spawnSync(
      compiler,
      ['-E', '-x', 'c', '-I', includeDir, '-include', header, '/dev/null', '-o', '/dev/null'],
      {
        stdio: ['ignore', 'ignore', 'ignore'],
      },
    );
  const missing = (header) => {
    const result = probe(header);
    if (result.error)
      goWithout(`no C compiler "${compiler}": install one (Debian: apt-get install gcc libc6-dev)`);
    return result.status !== 0;
  };
  if (missing('stdio.h')) goWithout('the C library has no headers: apt-get install libc6-dev');
  if (missing('lz4.h')) goWithout('lz4.h is missing: apt-get install liblz4-dev');
  if (missing('zstd.h')) goWithout('zstd.h is missing: apt-get install libzstd-dev');
  if (missing('openssl/evp.h'))
    goWithout("openssl/evp.h is missing: install Node.js' own headers or libssl-dev");
}

/** The static library where there is one, so that the addon needs nothing at run time. */
function libraryFlag(name) {
  const found = spawnSync(compiler, [`-print-file-name=lib${name}.a`], { encoding: 'utf8' }).stdout.trim();
  return found.startsWith('/') && existsSync(found) ? found : `-l${name}`;
}

function compile(includeDir, sources, libraries) {
  const partial = `${output}.${process.pid}`;
  const result = spawnSync(
    compiler,
    [
      ...[
        '-std=gnu11',
        ...optimization,
        '-fPIC',
        '-shared',
        '-fvisibility=hidden',
        '-Wall',
        '-Wextra',
        '-Werror',
      ],
      ...['-isystem', includeDir, '-o', partial, ...sources, ...libraries],
      // Node may carry another zstd: ours is not to be mixed with it.
      ...['-Wl,--exclude-libs,ALL', '-Wl,-z,relro,-z,now'],
    ],
    { encoding: 'utf8' },
  );
  if (result.status === 0) renameSync(partial, output);
  else rmSync(partial, { force: true });
  return result;
}

if (process.env.LONGHAUL_NATIVE === 'fallback') goWithout('LONGHAUL_NATIVE says so');

const names = readdirSync(sourceDir).sort();
const inputs = [fileURLToPath(import.meta.url), ...names.map((name) => join(sourceDir, name))];
if (!isUpToDate(inputs)) {
  const includeDir = findNodeHeaders();
  requireHeaders(includeDir);
  mkdirSync(dirname(output), { recursive: true });
  const sources = inputs.filter((path) => path.endsWith('.c'));
  const wanted = ['lz4', 'zstd'];
  let result = compile(includeDir, sources, wanted.map(libraryFlag));
  // Static libraries that are not position-independent cannot go into an addon.
  if (result.status !== 0)
    result = compile(
      includeDir,
      sources,
      wanted.map((name) => `-l${name}`),
    );
  if (result.status !== 0) fail(`the compiler failed\n${result.stderr}`);
}
