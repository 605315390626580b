import { type Link, warmMemory } from '@longhaul/wan-emulator';
import type { LabNetwork } from '../network/lab-network.js';
import { refuseStandstill } from './standstill.js';

/** Memory that is touched before a run, so that buffers do not pay for fresh pages. */
const WARM_BYTES = 128 << 20;

/** Sets the link, empty, with the losses that this seed has for it. */
export async function prepareLink({ emulator }: LabNetwork, link: Link, seed: number): Promise<void> {
  await emulator.setLink(link);
  await emulator.flush();
  await emulator.seed(seed);
}

/** Does what is measured with memory at hand and no CPU asleep. Throws a VoidRunError if the lab stood still. */
export async function onWarmMachine<T>(network: LabNetwork, work: () => Promise<T>): Promise<T> {
  await warmMemory(network.b, WARM_BYTES);
  await network.emulator.spin(true);
  try {
    return await refuseStandstill(work);
  } finally {
    await network.emulator.spin(false);
  }
}
