import { type Link, warmMemory } from '@longhaul/wan-emulator';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LabNetwork, SITE_ADDRESSES } from '../network/lab-network.js';
import { prepareLink } from '../runs/quiet-link.js';
import { RunWatch } from '../runs/run-watch.js';
import type { Transport } from '../runs/transfer-result.js';
import { refuseVoidRun } from '../runs/void-run.js';
import { startTunnelTransport, type TunnelTransport } from '../transports/tunnel-transport.js';
import type { Accelerator } from './accelerator.js';
import type { GuestImage } from './guest-image.js';
import type { GuestMemory } from './guest-memory.js';
import { type MigrationEvidence, migrationResult, type MigrationResult } from './migration-result.js';
import { monotonicMs } from './monotonic-clock.js';
import { outagesOf } from './outages.js';
import { askGuestMemory, readCongestionControl } from './probes.js';
import { RunningParts } from './running-parts.js';
import { VirtualMachine } from './virtual-machine.js';
import { WebClient } from './web-client.js';

/** A time without an answer is an outage if it is longer than this: five requests of the client go by. */
export const OUTAGE_THRESHOLD_MS = 250;

const MIB = 2 ** 20;
const PORTS = { targetPort: 4444, forwardPort: 4445 };
const BOOT_TIMEOUT_MS = 120_000;
/** What a guest does for the first time costs more: it is left alone for so long before and after its move. */
const SETTLE_MS = 1_000;
/** The guest must answer within this, once QEMU says that it has moved. */
const RETURN_TIMEOUT_MS = 30_000;

export interface MigrationOptions {
  /** Made with a stretched LAN. */
  readonly network: LabNetwork;
  readonly link: Link;
  readonly transport: Transport;
  readonly image: GuestImage;
  readonly accelerator: Accelerator;
  readonly memory: GuestMemory;
  /** Of the link's losses. */
  readonly seed: number;
  /** The migration is cancelled after this. */
  readonly maxSeconds: number;
}

/**
 * Boots a guest at site a, moves it to site b by QEMU's live migration while a client fetches its page, and has it prove
 * its memory there. Everything that was started is ended when this settles. A migration that QEMU does not complete
 * is a result; rejects if there is nothing to judge, e.g. if the guest does not boot.
 */
export async function runMigration(options: MigrationOptions): Promise<MigrationResult> {
  const folder = await mkdtemp(join(tmpdir(), 'longhaul-migration-'));
  const running = new RunningParts();
  try {
    await prepareNetwork(options);
    const stage = await prepareStage(options, folder, running);
    const evidence = await move(options, stage);
    refuseVoidRun({ ...evidence.usage, link: options.link, bytes: 0, seconds: 1, mayShrink: true });
    return migrationResult(evidence);
  } finally {
    await running.stop();
    await options.network.emulator.spin(false);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Everything that takes part, ready for the move. */
interface Stage {
  readonly source: VirtualMachine;
  readonly destination: VirtualMachine;
  readonly tunnel?: TunnelTransport;
  readonly client: WebClient;
}

async function prepareNetwork({ network, link, seed, transport, memory }: MigrationOptions): Promise<void> {
  await prepareLink(network, link, seed);
  if (isKernelTcp(transport)) network.setCongestionControl('a', transport);
  await warmMemory(network.b, memory.machineMiB * MIB);
}

async function prepareStage(
  options: MigrationOptions,
  folder: string,
  running: RunningParts,
): Promise<Stage> {
  const { network, transport, link } = options;
  const machine = { ...options, folder };
  const source = running.add(await VirtualMachine.boot('a', machine));
  const client = running.add(WebClient.start(network));
  if (!(await client.isAnsweredAfter(0, BOOT_TIMEOUT_MS, () => source.hasEnded))) {
    throw new Error(`the guest did not come up; its console: ${await source.consoleTail()}`);
  }
  const destination = running.add(await VirtualMachine.receive('b', PORTS.targetPort, machine));
  const tunnel = await startTunnelTransport(transport, network, link, PORTS);
  if (tunnel) running.add(tunnel);
  await network.emulator.spin(true);
  await sleep(SETTLE_MS);
  return { source, destination, tunnel, client };
}

async function move(options: MigrationOptions, stage: Stage): Promise<MigrationEvidence> {
  const { network, image } = options;
  const { source, client } = stage;
  const pageBefore = client.page;
  const watch = await RunWatch.begin(network, pidsOf(network, stage));
  const fromMs = monotonicMs();
  const { congestionControl, status, usage } = await migrate(options, stage, watch).finally(() =>
    watch.abandon(),
  );
  const endMs = monotonicMs();
  if (status.status === 'completed') await source.stop();
  const isThere = await client.isAnsweredAfter(endMs, RETURN_TIMEOUT_MS);
  await sleep(SETTLE_MS);
  const outages = outagesOf(client.requests, fromMs, monotonicMs(), OUTAGE_THRESHOLD_MS);
  client.stop();
  return {
    ...{ ...options, link: options.link.name, status, usage, outages, congestionControl },
    outageThresholdMs: OUTAGE_THRESHOLD_MS,
    servesSamePage: isThere && client.page === pageBefore,
    memoryReport: await askGuestMemory(network, image.busybox).catch(() => undefined),
    consoleAfter: await stage.destination.consoleTail(),
  };
}

async function migrate(options: MigrationOptions, stage: Stage, watch: RunWatch) {
  const congestionControl = await begin(options, stage);
  const status = await stage.source.migrationEnd(options.maxSeconds);
  return { congestionControl, status, usage: await watch.end() };
}

/** Gives QEMU the command; resolves with the congestion control of the connection that it has made. */
async function begin({ network, transport }: MigrationOptions, { source, tunnel }: Stage): Promise<string> {
  const [address, port] = tunnel
    ? [SITE_ADDRESSES.a.wan, PORTS.forwardPort]
    : [SITE_ADDRESSES.b.wan, PORTS.targetPort];
  await source.beginMigration(address, port);
  const found = await readCongestionControl(network, `${address}:${port}`);
  if (isKernelTcp(transport) && found !== transport) {
    throw new Error(`asked for congestion control ${transport}, QEMU's connection has ${found}`);
  }
  return found;
}

function pidsOf(network: LabNetwork, { source, destination, tunnel }: Stage): Record<string, number> {
  return {
    sourceQemu: source.pid,
    destinationQemu: destination.pid,
    ...(tunnel && { agentA: tunnel.pids.a, agentB: tunnel.pids.b }),
    emulator: network.emulator.pid,
  };
}

function isKernelTcp(transport: Transport): boolean {
  return transport === 'cubic' || transport === 'bbr';
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
