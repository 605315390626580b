/**
 * Starts workers that end with sockets, listeners and timers of the addon open, one way after another, and exits with
 * 0 when all have ended. An environment that is torn down wrongly aborts the process. Arguments: addon, workers.
 */
import { setTimeout as delay } from 'node:timers/promises';
import process from 'node:process';
import { Worker } from 'node:worker_threads';

const [addonPath, count] = process.argv.slice(2);
const endings = ['exit', 'terminate', 'throw', 'throw in a callback', 'natural'];

const body = `
const { workerData, parentPort } = require('node:worker_threads');
const { addonPath, ending } = workerData;
const addon = require(addonPath);
const nothing = () => undefined;
const kept = [];
const memory = new Uint8Array(addon.allocateSlab(1 << 20));
addon.zstdCompress(memory, 0, 1000, memory, 2000, 1000, 3);
addon.lz4Compress(memory, 0, 1000, memory, 2000, 1000);
const aead = addon.aeadCreate();
addon.aeadAddKey(aead, 'aes-128-gcm', new Uint8Array(16), new Uint8Array(12));

// Never still: a timer fires all the time, a UDP socket is always readable, a TCP pair always writable.
const udp = addon.udpOpen('127.0.0.1', 0, 0, 0, 0, false, true, true, nothing);
const record = new Int32Array(20);
record.set([0, 100, 0, 0, 0, 0, 0, -1, 0, 0, (4 << 16) | addon.udpPort(udp), 0x7f000001]);
addon.udpSend(udp, memory, record, 1, aead);
const listener = addon.listenerOpen('127.0.0.1', 0, 10, false, false, 0, 0, 0, 0, () => {
  const accepted = addon.listenerAccept(listener, nothing);
  if (accepted === undefined) return;
  addon.tcpWant(accepted, 3);
  kept.push(accepted);
});
const client = addon.tcpConnect('127.0.0.1', addon.listenerPort(listener), '', 0, 0, false, () => {
  addon.tcpWant(client, 3);
});
const refused = addon.tcpConnect('127.0.0.1', 1, '', 0, 0, false, nothing);
const forgotten = [addon.timerOpen(nothing), addon.aeadCreate()];
addon.timerClose(forgotten[0]);
let fired = 0;
const timer = addon.timerOpen(() => {
  fired++;
  if (fired === 20) parentPort.postMessage('running');
  if (fired === 30 && ending === 'throw in a callback') throw new Error('meant');
  if (fired < 30 || ending !== 'natural') addon.timerSet(timer, 50);
  else closeAll();
});
addon.timerSet(timer, 0);
kept.push(udp, listener, client, refused);
if (ending === 'exit') setTimeout(() => process.exit(7), 10);
if (ending === 'throw') setTimeout(() => { throw new Error('meant'); }, 10);

// A timer that is not set stays open, and does not keep the worker.
function closeAll() {
  addon.udpClose(udp);
  addon.listenerClose(listener);
  for (const socket of [client, refused, kept[0]]) addon.tcpClose(socket, false);
}
`.replace('kept.push(accepted);', 'kept.unshift(accepted);');

async function runOne(ending) {
  const worker = new Worker(body, { eval: true, workerData: { addonPath, ending } });
  const errors = [];
  worker.on('error', (error) => errors.push(error.message));
  const exited = new Promise((resolve) => worker.on('exit', resolve));
  if (ending === 'terminate') {
    await Promise.race([new Promise((resolve) => worker.on('message', resolve)), exited]);
    await worker.terminate();
  }
  const code = await exited;
  const expected = { exit: 7, natural: 0 }[ending] ?? 1;
  const meant = ending.startsWith('throw') ? ['meant'] : [];
  if (code !== expected || errors.join() !== meant.join()) {
    throw new Error(`${ending}: exit code ${code}, errors ${JSON.stringify(errors)}`);
  }
}

for (let i = 0; i < Number(count); i++) await runOne(endings[i % endings.length]);
await delay(1);
process.stdout.write('all ended\n');
