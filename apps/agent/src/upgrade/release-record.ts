import { join } from 'node:path';
import { z } from 'zod';
import { makePrivateDirectory, readFileIfAny, writeDurably } from '../control/durable-file.js';
import type { RefusedRelease, ReleaseToTry } from './process-messages.js';

/** In the state directory. */
const RECORD_FILE = 'upgrade.json';
/** Refusals that are remembered; the oldest go first. */
const MAX_REFUSED = 20;

const refusedSchema = z.object({
  version: z.string(),
  sha256: z.string(),
  attempt: z.number(),
  reason: z.string(),
  atMs: z.number(),
});
const recordSchema = z.object({
  format: z.literal(1),
  /** The version that was installed beside the supervisor when `good` was written. */
  installed: z.string(),
  /** The release that runs; null: the installed version. */
  good: z.string().nullable(),
  refused: z.array(refusedSchema),
});
type Content = z.infer<typeof recordSchema>;

/** What the supervisor remembers over restarts: which version is good, and which are not. */
export class ReleaseRecord {
  private constructor(
    private readonly path: string,
    private content: Content,
  ) {}

  /**
   * A record that is missing or damaged means the installed version, and so does one that was written beside another installed
   * version: somebody has installed this one since.
   *
   * @param installed version of the supervisor's own package
   */
  static async open(stateDir: string, installed: string): Promise<ReleaseRecord> {
    await makePrivateDirectory(stateDir);
    const path = join(stateDir, RECORD_FILE);
    const fresh: Content = { format: 1, installed, good: null, refused: [] };
    const text = await readFileIfAny(path);
    const read = text === undefined ? undefined : recordSchema.safeParse(parseJson(text)).data;
    if (read === undefined) return new ReleaseRecord(path, fresh);
    return new ReleaseRecord(path, read.installed === installed ? read : { ...fresh, refused: read.refused });
  }

  /** The release that runs; null: the installed version. */
  get good(): string | null {
    return this.content.good;
  }

  get refused(): readonly RefusedRelease[] {
    return this.content.refused;
  }

  /** Durable when it resolves: from now on this is what is started. */
  async keep(version: string | null): Promise<void> {
    const refused = this.content.refused.filter((entry) => entry.version !== version);
    await this.write({ ...this.content, good: version, refused });
  }

  async refuse(release: Pick<ReleaseToTry, 'version' | 'sha256' | 'attempt'>, reason: string): Promise<void> {
    const { version, sha256, attempt } = release;
    const others = this.content.refused.filter((entry) => entry.version !== version);
    const entry = { version, sha256, attempt, reason: reason.slice(0, 1000), atMs: Date.now() };
    await this.write({ ...this.content, refused: [...others, entry].slice(-MAX_REFUSED) });
  }

  private async write(content: Content): Promise<void> {
    this.content = content;
    await writeDurably(this.path, `${JSON.stringify(content, null, 2)}\n`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
