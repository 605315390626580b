import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LinkStatistics } from '@longhaul/edge';
import type { PathMemory } from '@longhaul/tunnel';
import type { Logger } from 'pino';
import { z } from 'zod';
import { readFileIfAny, writeDurably } from './control/durable-file.js';
import { messageOf } from './errors.js';

/** What was learnt since the last write is lost with a kill: at most this much of it. */
const SAVE_INTERVAL_MS = 30_000;

const rateSchema = z.object({ bytesPerSecond: z.number().positive(), observedAtMs: z.number().positive() });
const memorySchema = z.object({
  address: z.string(),
  minRttUs: z.number().positive(),
  send: rateSchema.optional(),
  receive: rateSchema.optional(),
});
const fileSchema = z.object({ version: z.literal(1), paths: z.record(z.string(), memorySchema) });

/** What the tunnels have learnt of their paths, in a small file, so that a restarted agent need not begin slowly. */
export class PathMemoryFile {
  private paths = new Map<string, PathMemory>();
  private saved = '';
  private savedAtMs = -Infinity;
  private saving: Promise<void> = Promise.resolve();
  private failed = false;

  private constructor(
    private readonly path: string,
    private readonly log: Logger,
  ) {}

  /** A file that is missing or cannot be used means no more than that nothing is remembered. */
  static async open(path: string, log: Logger): Promise<PathMemoryFile> {
    const file = new PathMemoryFile(path, log);
    try {
      const content = await readFileIfAny(path);
      if (content !== undefined)
        file.paths = new Map(Object.entries(fileSchema.parse(JSON.parse(content)).paths));
    } catch (error) {
      const reason = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
      log.warn(`${path} cannot be used, tunnels begin without it: ${reason}`);
    }
    return file;
  }

  /** What is remembered of the path to a peer. */
  of(peerId: string): PathMemory | undefined {
    return this.paths.get(peerId);
  }

  /** Takes over what the tunnels believe now; writes it where that was not done for a while. */
  observe(links: readonly LinkStatistics[], nowMs: number): void {
    for (const { peerId, path } of links) if (path !== undefined) this.paths.set(peerId, path);
    if (nowMs - this.savedAtMs < SAVE_INTERVAL_MS) return;
    this.savedAtMs = nowMs;
    void this.save();
  }

  /** Durable when it resolves. It never rejects: that a file could not be written is told once. */
  save(): Promise<void> {
    this.saving = this.saving.then(() => this.write());
    return this.saving;
  }

  private async write(): Promise<void> {
    const content = JSON.stringify({ version: 1, paths: Object.fromEntries(this.paths) });
    if (this.paths.size === 0 || content === this.saved) return;
    try {
      await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
      await writeDurably(this.path, content);
      this.saved = content;
    } catch (error) {
      if (!this.failed) this.log.warn(`${this.path} cannot be written: ${messageOf(error)}`);
      this.failed = true;
    }
  }
}
