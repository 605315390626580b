import { addonPath } from './addon.js';
import { PROCESS_PATIENCE_MS, runProcess, scriptPath } from './testing/processes.js';

const runNode = (argv: string[]): ReturnType<typeof runProcess> => runProcess(process.execPath, argv);

test(
  'workers end in every way with sockets, listeners and timers open, 50 times',
  async () => {
    const result = await runNode([scriptPath('exiting-workers.mjs'), addonPath, '50']);
    expect(result).toEqual({ code: 0, signal: null, output: 'all ended\n' });
  },
  PROCESS_PATIENCE_MS,
);

const EMITS = {
  timer: `addon.timerSet(addon.timerOpen(() => { throw new Error('from a callback'); }), 0);`,
  connect: `addon.tcpConnect('127.0.0.1', 1, '', 0, 0, false, () => { throw new Error('from a callback'); });`,
};

test.each(Object.entries(EMITS))(
  'what a %s callback throws is an uncaughtException',
  async (_, code) => {
    const result = await runNode([
      '-e',
      `const addon = require(${JSON.stringify(addonPath)});
     process.on('uncaughtException', (error) => { console.log('caught', error.message); process.exit(3); });
     ${code}`,
    ]);
    expect(result).toEqual({ code: 3, signal: null, output: 'caught from a callback\n' });
  },
  PROCESS_PATIENCE_MS,
);

test(
  'a timer that is not set does not keep a process alive; one that is set does',
  async () => {
    const result = await runNode([
      '-e',
      `const addon = require(${JSON.stringify(addonPath)});
     const idle = addon.timerOpen(() => console.log('never'));
     const set = addon.timerOpen(() => console.log('fired'));
     addon.timerSet(set, 20000);`,
    ]);
    expect(result).toEqual({ code: 0, signal: null, output: 'fired\n' });
  },
  PROCESS_PATIENCE_MS,
);

test(
  'closing gives descriptors back, and collecting what was closed disturbs nothing',
  async () => {
    const result = await runNode([
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
  },
  PROCESS_PATIENCE_MS,
);

test(
  'a handle that nobody keeps works until it is closed',
  async () => {
    const result = await runNode([
      '--expose-gc',
      '-e',
      `const addon = require(${JSON.stringify(addonPath)});
       const { setTimeout: delay } = require('node:timers/promises');
       const open = (onReadable) => addon.udpOpen('127.0.0.1', 0, 0, 0, 0, false, true, true, onReadable);
       const portOfForgotten = () => addon.udpPort(open(() => { console.log('told'); process.exit(5); }));
       async function main() {
         const port = portOfForgotten();
         for (let i = 0; i < 3; i++) {
           await delay(5);
           gc();
         }
         const record = new Int32Array(20);
         record.set([0, 10, 0, 0, 0, 0, 0, -1, 0, 0, (4 << 16) | port, 0x7f000001]);
         addon.udpSend(open(() => undefined), new Uint8Array(10), record, 1, addon.aeadCreate());
         await delay(2000);
         process.exit(1);
       }
       main();`,
    ]);
    expect(result).toEqual({ code: 5, signal: null, output: 'told\n' });
  },
  PROCESS_PATIENCE_MS,
);
