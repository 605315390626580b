import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScratchFolder } from './scratch-folder.js';

describe('a scratch folder', () => {
  const parent = mkdtempSync(join(tmpdir(), 'longhaul-scratch-'));
  afterAll(() => rmSync(parent, { recursive: true }));

  it('goes with all that is in it, and takes those of processes that are gone along, but no others', () => {
    const { pid } = spawnSync('true');
    const left = join(parent, `longhaul-fleet-${String(pid)}-abcdef`);
    mkdirSync(join(left, 'postgres'), { recursive: true });
    mkdirSync(join(parent, 'longhaul-other'));
    const living = new ScratchFolder(parent);
    const folder = new ScratchFolder(parent);
    expect(existsSync(left)).toBe(false);
    expect(existsSync(living.path)).toBe(true);
    writeFileSync(join(folder.path, 'file'), 'x');
    folder.remove();
    living.remove();
    expect(readdirSync(parent)).toEqual(['longhaul-other']);
  });
});
