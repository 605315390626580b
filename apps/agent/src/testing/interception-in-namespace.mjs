// Runs inside a network namespace of its own, as site A. Makes site B and a host C behind A, an agent at A and at B, and
// prints as JSON by which way connections came: the server answers with the address that it was reached from.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import process from 'node:process';
import { fileURLToPath, URL } from 'node:url';
import { generateKeyPair, readStatus } from '../../dist/internal.js';

const AGENT = fileURLToPath(new URL('run-agent.mjs', import.meta.url));
const workers = Number(process.argv[2]);
const folder = mkdtempSync(join(tmpdir(), 'longhaul-interception-'));
const children = new Set();
/** Status sockets of the agents. */
const sockets = new Map();

const SERVER = `
  const net = require('node:net');
  for (const port of [8080, 8081, 8082]) net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(socket.remoteAddress.replace('::ffff:', ''));
  }).listen(port, '::');`;
const CLIENT = `
  const socket = require('node:net').connect(Number(process.argv[2]), process.argv[1]);
  let text = '';
  socket.on('data', (data) => (text += data));
  socket.on('end', () => console.log(text));
  socket.on('error', (error) => console.log(error.code));
  setTimeout(() => { console.log('timeout'); process.exit(); }, 20000).unref();`;

const ip = (...args) => execFileSync('ip', args);
const inside = (site, argv) => (site === undefined ? argv : ['nsenter', '-t', String(site), '-n', ...argv]);
const sync = (site, ...argv) => {
  const [file, ...args] = inside(site, argv);
  return execFileSync(file, args, { encoding: 'utf8' }).trim();
};

function start(site, argv, stdio = ['ignore', 'pipe', 'inherit']) {
  const [file, ...args] = inside(site, argv);
  const child = spawn(file, args, { stdio });
  children.add(child);
  child.on('exit', () => children.delete(child));
  return child;
}

async function makeSite() {
  const holder = start(undefined, ['unshare', '-n', 'sh', '-c', 'echo ready; exec sleep 300']);
  await once(holder.stdout, 'data');
  sync(holder.pid, 'ip', 'link', 'set', 'lo', 'up');
  return holder.pid;
}

/** IPv6 addresses are usable at once, without asking whether somebody else has them. */
const noDad = (address) => (address.includes(':') ? ['nodad'] : []);

/** Joins this namespace with `site` by a veth pair. */
function connectSites(name, site, here, there) {
  ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(site));
  for (const address of here) ip('addr', 'add', address, 'dev', name, ...noDad(address));
  for (const address of there) sync(site, 'ip', 'addr', 'add', address, 'dev', 'eth0', ...noDad(address));
  ip('link', 'set', name, 'up');
  sync(site, 'ip', 'link', 'set', 'eth0', 'up');
}

function startAgent(site, config) {
  const file = join(folder, `${config.name}.json`);
  writeFileSync(file, JSON.stringify(config));
  const socket = join(folder, `${config.name}.sock`);
  const agent = start(site, [process.execPath, AGENT, file, socket]);
  agent.stdout.resume();
  sockets.set(agent, socket);
  return agent;
}

/** A thread that rehearses answers its peer late, so that the tunnel may go down again. */
async function untilUp(...agents) {
  const isUp = async (agent) => {
    const { rehearsed, tunnels } = await readStatus(sockets.get(agent));
    return rehearsed && tunnels.some(({ state }) => state === 'up');
  };
  const allUp = async () => (await Promise.all(agents.map(isUp))).every(Boolean);
  while (agents.every(({ exitCode }) => exitCode === null) && !(await allUp().catch(() => false)))
    await sleep(50);
}

const ask = (site, address, port) => sync(site, process.execPath, '-e', CLIENT, address, String(port));
const tables = () => sync(undefined, 'nft', 'list', 'tables');
const nftProcesses = (agent) => sync(undefined, 'sh', '-c', `pgrep -c -P ${agent.pid} nft || true`);

async function main() {
  ip('link', 'set', 'lo', 'up');
  const b = await makeSite();
  const c = await makeSite();
  connectSites('wan', b, ['10.9.0.1/24', 'fd09::1/64'], ['10.9.0.2/24', 'fd09::2/64']);
  connectSites('lan', c, ['10.8.0.1/24', 'fd08::1/64'], ['10.8.0.2/24', 'fd08::2/64']);
  sync(b, 'ip', 'route', 'add', '10.8.0.0/24', 'via', '10.9.0.1');
  sync(b, 'ip', 'route', 'add', 'fd08::/64', 'via', 'fd09::1');
  sync(c, 'ip', 'route', 'add', 'default', 'via', '10.8.0.1');
  sync(c, 'ip', 'route', 'add', 'default', 'via', 'fd08::1');
  sync(undefined, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
  sync(undefined, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding');
  start(b, [process.execPath, '-e', SERVER]);

  const keys = { a: generateKeyPair(), b: generateKeyPair() };
  const near = {
    name: 'a',
    privateKey: keys.a.privateKey,
    listen: { port: 4810 },
    dataPlaneWorkers: workers,
    // With several workers the tunnel to B is at the second.
    peers: [
      { name: 'never there', publicKey: generateKeyPair().publicKey },
      { name: 'b', publicKey: keys.b.publicKey, endpoints: ['10.9.0.2:4810'] },
    ],
    rules: [
      { name: 'pass', action: 'pass', ports: [8082] },
      { name: 'deny', action: 'deny', destinations: ['10.9.0.0/24', 'fd09::/64'], ports: [8081] },
      { name: 'site b', action: 'accelerate', peer: 'b', destinations: ['10.9.0.0/24', 'fd09::/64'] },
    ],
    intercept: true,
  };
  const far = {
    name: 'b',
    privateKey: keys.b.privateKey,
    listen: { port: 4810 },
    peers: [{ name: 'a', publicKey: keys.a.publicKey }],
    allow: [{ peer: 'a', prefixes: ['10.9.0.2/32', 'fd09::2/128'], ports: [8080] }],
  };
  const everyWay = (port) => ({
    local: ask(undefined, '10.9.0.2', port),
    local6: ask(undefined, 'fd09::2', port),
    routed: ask(c, '10.9.0.2', port),
    routed6: ask(c, 'fd09::2', port),
  });

  const result = {};
  const agents = [startAgent(undefined, near), startAgent(b, far)];
  await untilUp(...agents);
  result.accelerated = everyWay(8080);
  result.denied = everyWay(8081);
  result.passed = everyWay(8082);
  result.toTheAgentItself = ask(undefined, '10.9.0.1', 8080);
  result.nftProcesses = nftProcesses(agents[0]);
  result.table = tables();
  // The agent would have a new table before all the ways are tried.
  agents[0].kill('SIGSTOP');
  sync(undefined, 'pkill', '-KILL', '-P', String(agents[0].pid), 'nft');
  while (tables() !== '') await sleep(5);
  result.withoutTable = everyWay(8080);
  agents[0].kill('SIGCONT');
  while (tables() === '') await sleep(50);
  // It was silent for longer than a tunnel lives.
  await untilUp(...agents);
  result.tableAgain = everyWay(8080);
  agents[0].kill('SIGKILL');
  await once(agents[0], 'exit');
  while (tables() !== '') await sleep(5);
  result.afterKill = everyWay(8080);
  const again = startAgent(undefined, near);
  await untilUp(again, agents[1]);
  result.again = everyWay(8080);
  again.kill('SIGTERM');
  await once(again, 'exit');
  result.tableAfterStop = tables();
  result.afterStop = everyWay(8080);
  process.stdout.write(JSON.stringify(result));
}

try {
  await main();
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
