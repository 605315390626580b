/**
 * What needs a network of its own: redirection, transparent sockets, marks and a small MTU. Runs as root of a network
 * namespace and prints what it saw as JSON. Arguments: addon.
 */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import process from 'node:process';

const addon = createRequire(import.meta.url)(process.argv[2]);
const MARK = 0x4c48;
const run = (command, input) => execFileSync('sh', ['-c', command], { input, encoding: 'utf8' });
const nothing = () => undefined;
const accepted = [];
let onAccepted = nothing;

function listen(address, transparent) {
  const listener = addon.listenerOpen(address, 0, 10, false, transparent, 0, 0, 0, 0, () => {
    accepted.push(addon.listenerAccept(listener, nothing));
    onAccepted();
  });
  return addon.listenerPort(listener);
}

async function connect(address, port, localAddress = '', mark = 0) {
  const outcome = new Promise((resolve) => {
    addon.tcpConnect(address, port, localAddress, 0, mark, localAddress !== '', (_, errorCode) =>
      resolve(errorCode),
    );
  });
  const errorCode = await outcome;
  if (errorCode !== undefined) throw new Error(`${address} ${port}: ${errorCode}`);
  if (accepted.length === 0) await new Promise((resolve) => (onAccepted = resolve));
  return accepted.pop();
}

async function redirected() {
  const port = listen('::', false);
  run(
    'nft -f -',
    `table inet t {\n chain o {\n type nat hook output priority -100\n tcp dport 8080 redirect to :${port}\n }\n}\n`,
  );
  const originals = [];
  for (const address of ['127.0.0.1', '::1']) {
    originals.push(addon.tcpOriginalDestination(await connect(address, 8080)));
  }
  return originals;
}

async function transparent() {
  run('ip route add local 10.9.0.0/16 dev lo && ip -6 route add local fd09::/64 dev lo');
  const seen = [];
  for (const [listenOn, far, near] of [
    ['0.0.0.0', '10.9.1.2', '10.9.7.7'],
    ['::', 'fd09::5', 'fd09::77'],
  ]) {
    const { local, remote } = addon.tcpAddresses(await connect(far, listen(listenOn, true), near));
    seen.push([local.address, remote.address]);
  }
  return seen;
}

function datagram(family, words, length) {
  const record = new Int32Array(20);
  record.set([0, length, 0, 0, 0, 0, 0, -1, 0, 0, (family << 16) | 9, ...words]);
  return record;
}

/** Packets that leave, of one that fits the MTU of 1,400 to the byte and one that is a byte longer. */
function unfragmented() {
  run('ip link set lo mtu 1400');
  const aead = addon.aeadCreate();
  const memory = new Uint8Array(2_000);
  return [
    ['0.0.0.0', 4, [0x7f000001, 0, 0, 0], 1_372],
    ['::', 4, [0x7f000001, 0, 0, 0], 1_372],
    ['::', 6, [0, 0, 0, 1], 1_352],
  ].map(([address, family, words, longest]) => {
    const udp = addon.udpOpen(address, 0, 0, 0, 0, false, true, true, nothing);
    addon.udpSend(udp, memory, datagram(family, words, longest), 1, aead);
    addon.udpSend(udp, memory, datagram(family, words, longest + 1), 1, aead);
    const { packetsSent, sendErrors, lastSendError } = addon.udpStatistics(udp);
    return { packetsSent, sendErrors, lastSendError };
  });
}

async function marked() {
  run(
    'nft -f -',
    `table inet m {\n chain o {\n type filter hook output priority 0\n meta mark ${MARK} tcp flags syn / syn,ack counter\n meta mark ${MARK} meta l4proto udp counter\n }\n}\n`,
  );
  await connect('127.0.0.1', listen('127.0.0.1', false), '', MARK);
  const udp = addon.udpOpen('127.0.0.1', 0, 0, 0, MARK, false, true, true, nothing);
  addon.udpSend(udp, new Uint8Array(100), datagram(4, [0x7f000001, 0, 0, 0], 100), 1, addon.aeadCreate());
  return [...run('nft list table inet m').matchAll(/counter packets (\d+)/g)].map((match) =>
    Number(match[1]),
  );
}

run('ip link set lo up');
const result = {
  redirected: await redirected(),
  transparent: await transparent(),
  marked: await marked(),
  unfragmented: unfragmented(),
};
process.stdout.write(JSON.stringify(result));
process.exit(0);
