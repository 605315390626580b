import { createRequire } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Binding } from '../binding.js';
import { AddonFuzzer } from './addon-fuzzer.js';
import { Random } from './random.js';

/** Runs seeds against an addon and prints each before it begins. Arguments: addon, first seed, seeds, milliseconds. */

const CALLS_PER_SEED = 600;
const CALLS_PER_TURN = 10;

const [addonPath = '', firstSeed = '0', seeds = '1', milliseconds = '1000'] = process.argv.slice(2);
const addon = createRequire(import.meta.url)(addonPath) as Binding;
const deadline = Date.now() + Number(milliseconds);

process.on('uncaughtException', (error: Error) => {
  if (error.message === 'meant') return;
  console.error(error);
  process.exit(1);
});

async function runSeed(seed: number): Promise<void> {
  const fuzzer = new AddonFuzzer(addon, new Random(seed));
  for (let call = 0; call < CALLS_PER_SEED; call++) {
    fuzzer.step();
    if (call % CALLS_PER_TURN === 0) await nextTurn();
  }
  fuzzer.close();
  await nextTurn();
}

for (let i = 0; i < Number(seeds) && (i === 0 || Date.now() < deadline); i++) {
  console.log(`seed ${Number(firstSeed) + i}`);
  await runSeed(Number(firstSeed) + i);
}
process.exit(0);
