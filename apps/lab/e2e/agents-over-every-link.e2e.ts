import { goodputLimitMbps, type Link, loadLinks } from '@longhaul/wan-emulator';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LabNetwork } from '../src/network/lab-network.js';
import { runTransfer } from '../src/runs/run-transfer.js';
import { prepareWorkload, type Workload } from '../src/workloads/workload.js';

const { links } = loadLinks();

/** The short form of `lab bench`; a run that is void fails. */
describe('two agents over the emulated link', () => {
  let network: LabNetwork;
  let workload: Workload;

  beforeAll(async () => {
    network = await LabNetwork.create(links[0] as Link, { prefix: 'lh-links-' });
    workload = await prepareWorkload('random');
  });
  afterAll(() => network.destroy());

  it.each(links)('carry random bytes over $name intact, within its limit', async (link) => {
    const run = await runTransfer({ network, link, workload, transport: 'longhaul', seed: 1, seconds: 1 });
    expect(run.intact).toBe(true);
    expect(run.goodputMbps).toBeGreaterThan(0);
    expect(run.goodputMbps).toBeLessThan(goodputLimitMbps(link));
    expect(run.bytesOnWire).toBeGreaterThan(run.bytes);
    expect(run.rttMs?.min).toBeGreaterThanOrEqual(link.rttMs - 2 * link.jitterMs);
  });
});
