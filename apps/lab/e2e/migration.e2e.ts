import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findLink, loadLinks } from '@longhaul/wan-emulator';
import { findAccelerator } from '../src/migration/accelerator.js';
import { type GuestImage, prepareGuestImage } from '../src/migration/guest-image.js';
import { type GuestMemory, planGuestMemory } from '../src/migration/guest-memory.js';
import { GUEST_FOLDER } from '../src/migration/guest-folder.js';
import { ensureQemu } from '../src/migration/requirements.js';
import { type MigrationOptions, runMigration } from '../src/migration/run-migration.js';
import { LabNetwork } from '../src/network/lab-network.js';
import { retryVoid } from '../src/runs/void-run.js';

const MIB = 2 ** 20;
const metro = findLink(loadLinks().links, 'metro');
const say = (text: string): void => void process.stderr.write(`${text}\n`);

let network: LabNetwork;
let image: GuestImage;
let memory: GuestMemory;

/** A small guest, as what is proven does not depend on its size. */
beforeAll(async () => {
  await ensureQemu(say);
  image = await prepareGuestImage(GUEST_FOLDER, say);
  memory = await planGuestMemory(256, GUEST_FOLDER, say);
  network = await LabNetwork.create(metro, { prefix: 'lh-move-', stretchedLan: true });
});
afterAll(() => network.destroy());

function migrate(options: Partial<MigrationOptions> = {}) {
  const guest = { image, memory, accelerator: findAccelerator().accelerator };
  const defaults = { network, link: metro, transport: 'longhaul' as const, seed: 1, maxSeconds: 60 };
  return retryVoid(
    () => runMigration({ ...defaults, ...guest, ...options }),
    ({ message }) => say(message),
  );
}

describe('a running guest', () => {
  it('moves to the other site through Longhaul, with its memory, its address and its page', async () => {
    const result = await migrate();
    expect(result).toMatchObject({ completed: true, failure: null, memoryIntact: true });
    expect(result.memoryBytesCompared).toBe((memory.filledMiB + memory.rewrittenMiB) * MIB);
    expect(result.bytesFromQemu).toBeGreaterThan((memory.filledMiB / 2) * MIB);
    expect(result.bytesOnWire).toBeLessThan(result.bytesFromQemu * 0.8);
    expect(result.webAnswers).toBeGreaterThan(0);
    expect(result.passes).toBeGreaterThan(1);
  });

  it('stays where it is, and intact, if the link is too slow for its move', async () => {
    const link = { ...metro, rateMbps: 5 };
    const result = await migrate({ link, transport: 'cubic', maxSeconds: 3 });
    expect(result).toMatchObject({ completed: false, failure: 'not done after 3 s', memoryIntact: true });
    expect(result).toMatchObject({ migrationSeconds: null, downtimeMs: null, congestionControl: 'cubic' });
  });
});
