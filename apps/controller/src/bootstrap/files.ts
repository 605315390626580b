import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** Writes a file so that after a crash it is there whole or not at all. Secrets are 0600. */
export const writeWhole = (path: string, content: string | Buffer, mode: 0o600 | 0o644): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const scratch = `${path}.new`;
  const file = openSync(scratch, 'w', mode);
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(scratch, path);
};

/** Reads a file, or makes its content on the first call. */
export const readOrCreate = (path: string, mode: 0o600 | 0o644, create: () => string): string => {
  if (!existsSync(path)) writeWhole(path, create(), mode);
  return readFileSync(path, 'utf8');
};
