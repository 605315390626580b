import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type LabNetwork, SITE_ADDRESSES, type SiteName } from '../network/lab-network.js';
import { STRETCHED_LAN } from '../network/stretched-lan.js';
import { hasEnded } from '../transports/child.js';
import type { Accelerator } from './accelerator.js';
import type { GuestImage } from './guest-image.js';
import { GUEST_MEMORY_PORT, type GuestMemory } from './guest-memory.js';
import { QmpClient } from './qmp-client.js';

export const QEMU = 'qemu-system-x86_64';

const MAC_ADDRESS = '52:54:00:77:30:10';
const LOG_TAIL_BYTES = 1_000;
const POLL_MS = 50;
/** Bytes per second: no limit of QEMU's own is to be met, so far above any link of the lab. */
const MAX_BANDWIDTH = 12_500_000_000;

const migrationSchema = z.object({
  status: z.string().default('none'),
  'error-desc': z.string().optional(),
  /** Milliseconds. */
  'total-time': z.number().optional(),
  downtime: z.number().optional(),
  ram: z
    .object({ transferred: z.number(), remaining: z.number(), 'dirty-sync-count': z.number() })
    .optional(),
});

/** What QEMU says of a migration from its side, `query-migrate` of the QEMU QMP reference. */
export type MigrationStatus = z.output<typeof migrationSchema>;

export interface VirtualMachineOptions {
  readonly network: LabNetwork;
  readonly image: GuestImage;
  readonly accelerator: Accelerator;
  readonly memory: GuestMemory;
  /** Where its control socket and console go. */
  readonly folder: string;
}

/** A QEMU process at a site, plugged into the stretched LAN: with a guest that boots, or waiting for one to move in. */
export class VirtualMachine {
  private constructor(
    private readonly process: ChildProcess,
    private readonly qmp: QmpClient,
    private readonly consoleFile: string,
  ) {}

  /** Starts a guest at a site. */
  static boot(site: SiteName, options: VirtualMachineOptions): Promise<VirtualMachine> {
    return VirtualMachine.start(site, options, []);
  }

  /** Starts an empty machine that takes a guest on that port of the site's WAN address. */
  static receive(site: SiteName, port: number, options: VirtualMachineOptions): Promise<VirtualMachine> {
    const incoming = `tcp:${SITE_ADDRESSES[site].wan}:${port}`;
    return VirtualMachine.start(site, options, ['-incoming', incoming]);
  }

  private static async start(
    site: SiteName,
    options: VirtualMachineOptions,
    extra: readonly string[],
  ): Promise<VirtualMachine> {
    const socket = join(options.folder, `qmp-${site}.sock`);
    const control = ['-qmp', `unix:${socket},server=on,wait=off`];
    const consoleFile = join(options.folder, `console-${site}.log`);
    const argv = [QEMU, ...machineArguments(options), ...control, '-serial', `file:${consoleFile}`, ...extra];
    const child = options.network.exec(site, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-LOG_TAIL_BYTES);
    });
    try {
      const qmp = await QmpClient.connect(socket, () => hasEnded(child));
      await qmp.execute('migrate-set-parameters', { 'max-bandwidth': MAX_BANDWIDTH });
      // The source waits for the far machine's word that it has the guest: what lies in buffers on the way counts.
      await qmp.execute('migrate-set-capabilities', {
        capabilities: [{ capability: 'return-path', state: true }],
      });
      return new VirtualMachine(child, qmp, consoleFile);
    } catch (cause) {
      child.kill('SIGKILL');
      throw new Error(`QEMU at site ${site} did not start: ${errors.trim() || String(cause)}`, { cause });
    }
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  get hasEnded(): boolean {
    return hasEnded(this.process);
  }

  /** The end of what its guest has written to its console here. */
  async consoleTail(): Promise<string> {
    const text = await readFile(this.consoleFile, 'utf8').catch(() => '');
    return text.slice(-LOG_TAIL_BYTES).trim() || 'nothing';
  }

  /** Begins to move the guest, which runs on meanwhile, to the machine that listens there. */
  async beginMigration(address: string, port: number): Promise<void> {
    await this.qmp.execute('migrate', { uri: `tcp:${address}:${port}` });
  }

  async migrationStatus(): Promise<MigrationStatus> {
    return migrationSchema.parse(await this.qmp.execute('query-migrate'));
  }

  /**
   * Resolves with the last status once the migration has ended, well or not; cancels it after `maxSeconds`. QEMU may say
   * `failed` of one that it was told to cancel: it finds the socket closed that it has closed itself.
   */
  async migrationEnd(maxSeconds: number): Promise<MigrationStatus> {
    const deadline = Date.now() + maxSeconds * 1000;
    let isCancelled = false;
    for (;;) {
      const status = await this.migrationStatus();
      if (isCancelled && status.status === 'failed') return { ...status, status: 'cancelled' };
      if (['completed', 'failed', 'cancelled'].includes(status.status)) return status;
      if (!isCancelled && Date.now() > deadline) {
        isCancelled = true;
        await this.qmp.execute('migrate_cancel');
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Ends it at once: its guest has moved, or is not needed any more. */
  async stop(): Promise<void> {
    this.qmp.close();
    if (this.hasEnded) return;
    const gone = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGKILL');
    await gone;
  }
}

/** Both sides must describe the same machine. */
function machineArguments({ accelerator, image, memory }: VirtualMachineOptions): string[] {
  const kernelCommandLine = [
    'console=ttyS0 quiet panic=-1 ipv6.disable=1',
    `GUEST_ADDRESS=${STRETCHED_LAN.guest}/${STRETCHED_LAN.prefixLength}`,
    `GUEST_FILLED_MIB=${memory.filledMiB}`,
    `GUEST_REWRITTEN_MIB=${memory.rewrittenMiB}`,
    `GUEST_REWRITE_RATE=${memory.rewrittenBytesPerSecond}`,
    `GUEST_MEMORY_PORT=${GUEST_MEMORY_PORT}`,
  ];
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-machine', `pc,accel=${accelerator}`, '-cpu', accelerator === 'kvm' ? 'host' : 'qemu64'],
    ...['-smp', '1', '-m', `${memoryKiB(accelerator, memory)}K`],
    ...['-kernel', image.kernel, '-initrd', image.initialFileSystem, '-append', kernelCommandLine.join(' ')],
    ...['-netdev', `tap,id=lan,ifname=${STRETCHED_LAN.tap},script=no,downscript=no`],
    ...['-device', `virtio-net-pci,netdev=lan,mac=${MAC_ADDRESS},romfile=`],
    ...['-drive', `file=${memory.content},format=raw,if=virtio,readonly=on`],
  ];
}

/**
 * QEMU's translator loses track of what a guest writes during a migration where memory is a multiple of 64 pages: its
 * fast way to collect dirty pages does not reset its translation cache (fixed in QEMU 9.0: "physmem: Fix migration
 * dirty bitmap coherency with TCG memory access"). Two pages less, and it takes the other way.
 */
function memoryKiB(accelerator: Accelerator, { machineMiB }: GuestMemory): number {
  return machineMiB * 1024 - (accelerator === 'tcg' ? 8 : 0);
}
