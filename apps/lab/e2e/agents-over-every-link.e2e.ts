import { goodputLimitMbps, type Link, loadLinks } from '@longhaul/wan-emulator';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LabNetwork } from '../src/network/lab-network.js';
import { runTransfer, TRANSFER_PORTS } from '../src/runs/run-transfer.js';
import { retryVoid } from '../src/runs/void-run.js';
import { AgentPair } from '../src/transports/agent-pair.js';
import { prepareWorkload, type Workload } from '../src/workloads/workload.js';

const { links } = loadLinks();

/** The short form of `lab bench`: one pair of agents whose link becomes another one ten times. What is void three times fails. */
describe('two agents over the emulated link', () => {
  let network: LabNetwork;
  let agents: AgentPair;
  let workload: Workload;

  beforeAll(async () => {
    network = await LabNetwork.create(links[0] as Link, { prefix: 'lh-links-' });
    agents = await AgentPair.start(network, TRANSFER_PORTS);
    workload = await prepareWorkload('random');
  });
  afterAll(async () => {
    await agents.stop();
    await network.destroy();
  });

  it.each(links)('carry random bytes over $name intact, within its limit', async (link) => {
    const run = await retryVoid(() =>
      runTransfer({
        ...{ network, link, workload, transport: 'longhaul', tunnel: agents },
        ...{ seed: 1, seconds: 1 },
      }),
    );
    expect(run.intact).toBe(true);
    expect(run.goodputMbps).toBeGreaterThan(0);
    expect(run.goodputMbps).toBeLessThan(goodputLimitMbps(link));
    expect(run.bytesOnWire).toBeGreaterThan(run.bytes);
  });
});
