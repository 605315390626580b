import { existsSync, mkdtempSync, readdirSync, rmSync, chmodSync } from 'node:fs';
import { join } from 'node:path';

const NAME = /^longhaul-fleet-([0-9]+)-/;

/** A folder for as long as this process needs it, which other users may enter. */
export class ScratchFolder {
  readonly path: string;

  /**
   * Makes it below `parent`, and removes those that earlier processes left there because they were killed.
   */
  constructor(parent: string) {
    for (const name of readdirSync(parent)) {
      const [, pid] = NAME.exec(name) ?? [];
      if (pid !== undefined && !existsSync(`/proc/${pid}`)) remove(join(parent, name));
    }
    this.path = mkdtempSync(join(parent, `longhaul-fleet-${String(process.pid)}-`));
    chmodSync(this.path, 0o755);
  }

  remove(): void {
    remove(this.path);
  }
}

/** Something that is just ending may still write there. */
const remove = (path: string): void => {
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
};
