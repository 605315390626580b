import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Where Longhaul keeps programs and state that belong to the machine. */
export const SYSTEM_DIR = '/var/lib/longhaul';

const isWritable = (path: string): boolean => {
  const nearest = existsSync(path) ? path : dirname(path);
  try {
    accessSync(nearest, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** {@link SYSTEM_DIR}, or a folder in one's home where that cannot be written. The folder exists on return. */
export const installDir = (given?: string): string => {
  const folder =
    given ?? (isWritable(SYSTEM_DIR) ? SYSTEM_DIR : join(homedir(), '.local', 'share', 'longhaul'));
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  return folder;
};
