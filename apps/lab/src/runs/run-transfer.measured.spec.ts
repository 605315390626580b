import { findLink, goodputLimitMbps, loadLinks } from '@longhaul/wan-emulator';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LabNetwork } from '../network/lab-network.js';
import { prepareWorkload, type Workload } from '../workloads/workload.js';
import { runTransfer } from './run-transfer.js';
import { retryVoid } from './void-run.js';
import type { Transport } from './transfer-result.js';

const mpls = findLink(loadLinks().links, 'mpls');

describe('runTransfer', () => {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-transfer-'));
  let network: LabNetwork;
  let random: Workload;

  beforeAll(async () => {
    network = await LabNetwork.create(mpls, { prefix: 'lh-run-' });
    random = await prepareWorkload('random');
  });

  afterAll(async () => {
    await network.destroy();
    rmSync(folder, { recursive: true });
  });

  function transfer(
    transport: Transport,
    length: { seconds: number } | { bytes: number },
    workload = random,
  ) {
    return retryVoid(() => runTransfer({ network, link: mpls, workload, transport, seed: 1, ...length }));
  }

  it("runs the kernel's CUBIC for a time, within the link's limit and with every byte compared", async () => {
    const result = await transfer('cubic', { seconds: 2.5 });
    expect(result).toMatchObject({
      intact: true,
      congestionControl: 'cubic',
      seconds: 2.5,
      transport: 'cubic',
    });
    expect(result.goodputMbps).toBeGreaterThan(1);
    expect(result.goodputMbps).toBeLessThan(goodputLimitMbps(mpls) * 1.01);
    expect(result.seriesMbps).toHaveLength(5);
    expect(result.steadyMbps).toBeGreaterThan(0);
    expect(result.bytesOnWire).toBeGreaterThan(result.bytes);
    expect(Object.keys(result.cpuSeconds).sort()).toEqual(['emulator', 'sink', 'source']);
  });

  it("sends so many bytes by the kernel's BBR, through a file that starts again at its end", async () => {
    const path = join(folder, 'odd.bin');
    writeFileSync(path, Buffer.from(Array.from({ length: 100_003 }, (_, i) => i * i)));
    const result = await transfer('bbr', { bytes: 2_000_000 }, await prepareWorkload(`file:${path}`));
    expect(result).toMatchObject({ intact: true, congestionControl: 'bbr', bytes: 2_000_000 });
  });

  it('carries the bytes through two agents', async () => {
    const result = await transfer('longhaul', { bytes: 4_000_000 });
    expect(result).toMatchObject({ intact: true, bytes: 4_000_000 });
    expect(Object.keys(result.cpuSeconds).sort()).toEqual(['agentA', 'agentB', 'emulator', 'sink', 'source']);
  });

  it('says so when the congestion control is not there', async () => {
    await expect(transfer('vegas-of-old' as Transport, { seconds: 1 })).rejects.toThrow(/congestion control/);
  });
});
