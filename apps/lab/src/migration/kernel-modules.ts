import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { LabRequirementError } from '../network/requirements.js';

/** A driver of a kernel, as its file has it. */
export interface KernelModule {
  readonly name: string;
  readonly content: Buffer;
}

/**
 * The named modules of an unpacked kernel with all that they need, in an order in which they can be loaded one after the
 * other. `folder` holds them at any depth, uncompressed. Throws a LabRequirementError if one is not there.
 */
export async function modulesInOrder(folder: string, names: readonly string[]): Promise<KernelModule[]> {
  const files = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith('.ko'));
  const paths = new Map(
    files.map((path) => [basename(path, '.ko').replaceAll('-', '_'), join(folder, path)]),
  );
  const loaded = new Map<string, KernelModule>();
  const load = async (name: string): Promise<void> => {
    if (loaded.has(name)) return;
    const path = paths.get(name);
    if (path === undefined)
      throw new LabRequirementError(`the guest's kernel has no module ${name}: ${folder}`);
    const content = await readFile(path);
    for (const needed of dependencies(content)) await load(needed);
    loaded.set(name, { name, content });
  };
  for (const name of names) await load(name);
  return [...loaded.values()];
}

/** From the module's own description, strings that end in zero: `depends=` and names with commas. */
export function dependencies(module: Buffer): string[] {
  const key = Buffer.from('\0depends=');
  const at = module.indexOf(key);
  if (at < 0) return [];
  const start = at + key.length;
  return module
    .toString('latin1', start, module.indexOf(0, start))
    .split(',')
    .filter((name) => name !== '');
}
