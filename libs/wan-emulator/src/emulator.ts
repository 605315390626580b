import { spawn } from 'node:child_process';
import { z } from 'zod';
import { type Link, queueBytes } from './links.js';
import { Program } from './program.js';
import { programPath } from './programs.js';

const START_TIMEOUT_MS = 10_000;
const REPLY_TIMEOUT_MS = 5_000;

const readySchema = z.object({
  event: z.literal('ready'),
  uso: z.boolean(),
  realtime: z.boolean(),
  spinners: z.int(),
});

const directionSchema = z.object({
  /** What was put into the link. */
  offeredPackets: z.number(),
  offeredBytes: z.number(),
  /** What left the queue onto the wire, lost packets included; IP bytes. */
  wirePackets: z.number(),
  wireBytes: z.number(),
  /** What came out at the far end, duplicates included. */
  deliveredPackets: z.number(),
  deliveredBytes: z.number(),
  tailDrops: z.number(),
  tailDropBytes: z.number(),
  randomLosses: z.number(),
  duplicates: z.number(),
  outageDrops: z.number(),
  writes: z.number(),
  writeErrors: z.number(),
  queueBytes: z.number(),
  queueMaxBytes: z.number(),
  /** Mean over time. */
  queueMeanBytes: z.number(),
  /** Mean, over windows of 100 ms, of the least queue in the window: what never drains. */
  queueStandingBytes: z.number(),
  /** How late packets were delivered against their due time. */
  latenessP50Us: z.number(),
  latenessP99Us: z.number(),
  latenessMaxUs: z.number(),
});

/** Counters of one direction since the last reset. */
export type DirectionStatistics = z.output<typeof directionSchema>;

const statisticsSchema = z.object({ ok: z.literal(true), aToB: directionSchema, bToA: directionSchema });

export interface EmulatorStatistics {
  aToB: DirectionStatistics;
  bToA: DirectionStatistics;
}

const acknowledgementSchema = z.union([
  z.object({ ok: z.literal(true) }),
  z.object({ ok: z.literal(false), error: z.string() }),
]);

export interface EmulatorFeatures {
  /** UDP super-packets pass as such in both directions (Linux 6.2 or newer). */
  udpSegmentation: boolean;
  /** The loop runs under SCHED_FIFO. */
  realtime: boolean;
  /** CPUs that `spin(true)` keeps awake. */
  spinners: number;
}

/** Parameters of one direction; those left out stay as they are. */
export interface DirectionParameters {
  rateMbps?: number;
  delayMs?: number;
  jitterMs?: number;
  jitterModel?: 'wander' | 'independent';
  queueBytes?: number;
  lossPct?: number;
  duplicatePct?: number;
  down?: boolean;
}

export type Direction = 'a2b' | 'b2a' | 'both';

export interface EmulatorOptions {
  /** Names of the two network namespaces; the TUN device is made in each. */
  namespaceA: string;
  namespaceB: string;
  /** Default `wan0`. */
  device?: string;
  /** Whole number; the same seed loses the same packets. Default 0. */
  seed?: number;
}

/** A running emulated link. It ends with this process, however that ends. */
export class WanEmulator {
  private queue: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly program: Program,
    readonly features: EmulatorFeatures,
  ) {}

  /** Starts the emulator; its devices exist, without addresses, once this resolves. No limit, no delay at first. */
  static async start(options: EmulatorOptions): Promise<WanEmulator> {
    const args = ['--a', options.namespaceA, '--b', options.namespaceB];
    args.push('--device', options.device ?? 'wan0', '--seed', String(options.seed ?? 0));
    const program = new Program('wan-emulator', spawn(programPath('wan-emulator'), args, { stdio: 'pipe' }));
    try {
      const ready = await program.read(readySchema, START_TIMEOUT_MS);
      const { uso, realtime, spinners } = ready;
      return new WanEmulator(program, { udpSegmentation: uso, realtime, spinners });
    } catch (error) {
      await program.stop();
      throw error;
    }
  }

  get pid(): number {
    return this.program.pid;
  }

  /** Gives both directions the parameters of a link, up and with its own queue. */
  setLink(link: Link): Promise<void> {
    return this.setDirection('both', {
      rateMbps: link.rateMbps,
      delayMs: link.rttMs / 2,
      jitterMs: link.jitterMs,
      jitterModel: link.jitterModel,
      queueBytes: queueBytes(link),
      lossPct: link.lossPct,
      duplicatePct: link.duplicatePct,
      down: false,
    });
  }

  /** Changes some parameters while traffic flows. Rejects, and changes nothing, if one is out of range. */
  setDirection(direction: Direction, parameters: DirectionParameters): Promise<void> {
    const words = Object.entries(controlWords(parameters)).map(([key, value]) => `${key}=${value}`);
    return this.command(`link ${direction} ${words.join(' ')}`);
  }

  /** An outage: all that is on the link or enters it is lost until it ends. */
  setDown(down: boolean, direction: Direction = 'both'): Promise<void> {
    return this.setDirection(direction, { down });
  }

  /** Starts the random streams again, so that the next packets meet the fate that this seed has for them. */
  seed(seed: number): Promise<void> {
    return this.command(`seed ${seed}`);
  }

  resetStatistics(): Promise<void> {
    return this.command('reset');
  }

  /** Drops all that is queued and in flight. */
  flush(): Promise<void> {
    return this.command('flush');
  }

  /** Keeps every CPU awake at idle priority: a halted virtual CPU wakes milliseconds late. */
  spin(on: boolean): Promise<void> {
    return this.command(`spin ${on ? 'on' : 'off'}`);
  }

  async statistics(): Promise<EmulatorStatistics> {
    const { aToB, bToA } = await this.exchange('stats', statisticsSchema);
    return { aToB, bToA };
  }

  async stop(): Promise<void> {
    await this.program.stop();
  }

  private async command(line: string): Promise<void> {
    const reply = await this.exchange(line, acknowledgementSchema);
    if (!reply.ok) throw new Error(`wan-emulator: ${reply.error}`);
  }

  /** One command at a time: replies come in the order of commands. */
  private exchange<T>(line: string, schema: z.ZodType<T>): Promise<T> {
    const reply = this.queue.then(() => {
      this.program.write(line);
      return this.program.read(schema, REPLY_TIMEOUT_MS);
    });
    this.queue = reply.catch(() => undefined);
    return reply;
  }
}

function controlWords(p: DirectionParameters): Record<string, string | number> {
  const words: Record<string, string | number> = {};
  if (p.rateMbps !== undefined) words['rate_bps'] = p.rateMbps * 1e6;
  if (p.delayMs !== undefined) words['delay_us'] = p.delayMs * 1e3;
  if (p.jitterMs !== undefined) words['jitter_us'] = p.jitterMs * 1e3;
  if (p.jitterModel !== undefined) words['jitter_model'] = p.jitterModel;
  if (p.queueBytes !== undefined) words['queue_bytes'] = p.queueBytes;
  if (p.lossPct !== undefined) words['loss'] = p.lossPct / 100;
  if (p.duplicatePct !== undefined) words['duplicate'] = p.duplicatePct / 100;
  if (p.down !== undefined) words['down'] = p.down ? 1 : 0;
  return words;
}
