/**
 * Packs the agent as it is built into a release: one tar.gz of its program, its packages and the addon of this machine's kind.
 *
 *   npm run --silent pack:agent -- [--version VERSION] [--out FILE]
 *
 * The version is that of apps/agent/package.json unless another is given; the file is longhaul-agent-VERSION.tar.gz unless told
 * otherwise. Prints one JSON document: version, file, sha256 and bytes. Files are in order and without times and owners, so
 * that the same build gives the same archive.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import process from 'node:process';
import { parseArgs } from 'node:util';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({ options: { version: { type: 'string' }, out: { type: 'string' } } });

/** What of a workspace of this repository is needed to run it. */
const OWN_PARTS = ['package.json', 'dist', 'bin', 'build/longhaul_native.node'];
/** What no program reads, and is half of what packages weigh. */
const UNUSED = /\.(?:d\.[cm]?ts|map|tsbuildinfo|md|markdown|flow)$/i;

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** The folder of a package as Node.js finds it from `from`. */
function packageFolder(name, from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (folder === dirname(folder))
      throw new Error(`the package ${name} is not installed: run "npm ci" first`);
  }
}

const ownFolders = new Map(
  ['apps/agent', 'libs/edge', 'libs/tunnel', 'libs/native', 'libs/block-codec', 'libs/contracts'].map(
    (path) => [readJson(join(root, path, 'package.json')).name, join(root, path)],
  ),
);

/** Copies a package and all that it depends on; a second version of a package goes below the one that wants it. */
function addPackage(name, from, target, placed) {
  const own = ownFolders.get(name);
  const folder = own ?? packageFolder(name, from);
  const { version, dependencies = {}, optionalDependencies = {} } = readJson(join(folder, 'package.json'));
  const before = placed.get(name);
  if (before === folder) return;
  const place = before === undefined ? join(target, 'node_modules', name) : join(from, 'node_modules', name);
  if (before !== undefined)
    throw new Error(
      `${name} is needed in two versions (${version} at ${relative(root, place)}): pack one only`,
    );
  placed.set(name, folder);
  if (own === undefined) copy(folder, place);
  else
    for (const part of OWN_PARTS) if (existsSync(join(own, part))) copy(join(own, part), join(place, part));
  for (const needed of Object.keys(dependencies)) addPackage(needed, folder, target, placed);
  for (const wanted of Object.keys(optionalDependencies)) {
    if (existsSync(join(root, 'node_modules', wanted))) addPackage(wanted, folder, target, placed);
  }
}

function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, {
    recursive: true,
    dereference: true,
    filter: (path) => !UNUSED.test(path) && !relative(from, path).split('/').includes('node_modules'),
  });
}

const agent = readJson(join(root, 'apps/agent/package.json'));
const version = values.version ?? agent.version;
if (!/^[0-9A-Za-z][0-9A-Za-z.+-]{0,49}$/.test(version))
  throw new Error(`${version} is not a version: 1 to 50 of letters, digits, ".", "+" and "-"`);
if (!existsSync(join(root, 'apps/agent/dist/index.js')))
  throw new Error('not built yet: run "npm run build"');
const out = resolve(values.out ?? `longhaul-agent-${version}.tar.gz`);
const stage = mkdtempSync(join(tmpdir(), 'longhaul-release-'));
try {
  addPackage(agent.name, root, stage, new Map());
  const manifest = join(stage, 'node_modules', agent.name, 'package.json');
  writeFileSync(manifest, `${JSON.stringify({ ...readJson(manifest), version }, null, 2)}\n`);
  const platform = `${process.platform}-${process.arch}`;
  writeFileSync(join(stage, 'release.json'), `${JSON.stringify({ version, platform }, null, 2)}\n`);
  const order = ['--format=ustar', '--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  mkdirSync(dirname(out), { recursive: true });
  execFileSync('tar', [
    ...order,
    '--mode=u+rwX,go=',
    '-C',
    stage,
    '-c',
    '-f',
    `${stage}.tar`,
    'release.json',
    'node_modules',
  ]);
  execFileSync('sh', ['-c', 'gzip -9n < "$1" > "$2"', 'sh', `${stage}.tar`, out]);
} finally {
  rmSync(stage, { recursive: true, force: true });
  rmSync(`${stage}.tar`, { force: true });
}
const content = readFileSync(out);
const sha256 = createHash('sha256').update(content).digest('hex');
process.stdout.write(`${JSON.stringify({ version, file: out, sha256, bytes: content.length })}\n`);
