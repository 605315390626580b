import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./testing/exiting-workers.mjs', import.meta.url));
const addonPath = fileURLToPath(new URL('../build/longhaul_native.node', import.meta.url));

function run(argv: string[]): Promise<{ code: number | null; signal: string | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (text) => (output += String(text)));
    child.stderr.on('data', (text) => (output += String(text)));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, output }));
  });
}

test('workers end in every way with sockets, listeners and timers open, 50 times', async () => {
  const result = await run([script, addonPath, '50']);
  expect(result).toEqual({ code: 0, signal: null, output: 'all ended\n' });
}, 60_000);

const EMITS = {
  timer: `addon.timerSet(addon.timerOpen(() => { throw new Error('from a callback'); }), 0);`,
  connect: `addon.tcpConnect('127.0.0.1', 1, '', 0, 0, false, () => { throw new Error('from a callback'); });`,
};

test.each(Object.entries(EMITS))('what a %s callback throws is an uncaughtException', async (_, code) => {
  const result = await run([
    '-e',
    `const addon = require(${JSON.stringify(addonPath)});
     process.on('uncaughtException', (error) => { console.log('caught', error.message); process.exit(3); });
     ${code}`,
  ]);
  expect(result).toEqual({ code: 3, signal: null, output: 'caught from a callback\n' });
});

test('a timer that is not set does not keep a process alive; one that is set does', async () => {
  const result = await run([
    '-e',
    `const addon = require(${JSON.stringify(addonPath)});
     const idle = addon.timerOpen(() => console.log('never'));
     const set = addon.timerOpen(() => console.log('fired'));
     addon.timerSet(set, 20000);`,
  ]);
  expect(result).toEqual({ code: 0, signal: null, output: 'fired\n' });
});

test('handles that nobody keeps are collected', async () => {
  const result = await run([
    '--expose-gc',
    '-e',
    `const addon = require(${JSON.stringify(addonPath)});
     const { readdirSync } = require('node:fs');
     const descriptors = () => readdirSync('/proc/self/fd').length;
     const before = descriptors();
     for (let i = 0; i < 200; i++) {
       addon.timerClose(addon.timerOpen(() => undefined));
       addon.udpClose(addon.udpOpen('127.0.0.1', 0, 0, 0, 0, false, true, true, () => undefined));
       addon.aeadAddKey(addon.aeadCreate(), 'aes-128-gcm', new Uint8Array(16), new Uint8Array(12));
       addon.allocateSlab(1 << 20);
     }
     gc();
     setTimeout(() => { gc(); setTimeout(() => console.log(descriptors() - before), 10); }, 10);`,
  ]);
  expect(result).toEqual({ code: 0, signal: null, output: '0\n' });
});
