import { type Link, warmMemory } from '@longhaul/wan-emulator';
import type { LabNetwork } from '../network/lab-network.js';

/** Memory that is touched before a run, so that buffers do not pay for fresh pages. */
const WARM_BYTES = 128 << 20;

/** Sets the link, empty, with the losses that this seed has for it. */
export async function prepareLink({ emulator }: LabNetwork, link: Link, seed: number): Promise<void> {
  await emulator.setLink(link);
  await emulator.flush();
  await emulator.seed(seed);
}

/** Does what is to be measured with memory at hand and no CPU asleep. */
export async function onWarmMachine<T>(network: LabNetwork, work: () => Promise<T>): Promise<T> {
  await warmMemory(network.b, WARM_BYTES);
  await network.emulator.spin(true);
  try {
    return await work();
  } finally {
    await network.emulator.spin(false);
  }
}
