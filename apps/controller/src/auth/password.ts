import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';

/** OWASP's scrypt parameters of 32 MiB (Password Storage Cheat Sheet): N = 2^15, r = 8, p = 3. */
const LOG2_N = 15;
const BLOCK_SIZE = 8;
const PARALLELISM = 3;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** Of parameters that are read from the database: nothing there can ask for more memory. */
const MAX_MEMORY_BYTES = 160 * 1024 * 1024;

/** A password that somebody chooses. */
export const passwordSchema = z
  .string()
  .min(12, 'must have 12 characters or more')
  .max(200, 'must have at most 200 characters');

const derive = promisify(
  (
    password: string,
    salt: Buffer,
    length: number,
    options: ScryptOptions,
    done: (error: Error | null, key: Buffer) => void,
  ) => {
    scrypt(password, salt, length, options, done);
  },
);

/** `scrypt$<log2 N>$<r>$<p>$<salt>$<hash>`, both in base64url. */
export const hashPassword = async (password: string): Promise<string> => {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(
    password.normalize('NFC'),
    salt,
    HASH_BYTES,
    options(LOG2_N, BLOCK_SIZE, PARALLELISM),
  );
  return [
    'scrypt',
    LOG2_N,
    BLOCK_SIZE,
    PARALLELISM,
    salt.toString('base64url'),
    hash.toString('base64url'),
  ].join('$');
};

/** Takes as long when there is no such user (`stored` undefined) as when the password is wrong. */
export const verifyPassword = async (password: string, stored: string | undefined): Promise<boolean> => {
  const parts = (stored ?? (await dummyHash())).split('$');
  const [log2N, r, p] = parts.slice(1, 4).map(Number);
  const salt = Buffer.from(parts[4] ?? '', 'base64url');
  const expected = Buffer.from(parts[5] ?? '', 'base64url');
  if (log2N === undefined || r === undefined || p === undefined || expected.length === 0) return false;
  const actual = await derive(password.normalize('NFC'), salt, expected.length, options(log2N, r, p));
  return timingSafeEqual(actual, expected) && stored !== undefined;
};

const options = (log2N: number, r: number, p: number): ScryptOptions => ({
  N: 2 ** log2N,
  r,
  p,
  maxmem: MAX_MEMORY_BYTES,
});

let dummy: Promise<string> | undefined;
const dummyHash = (): Promise<string> => (dummy ??= hashPassword(randomBytes(32).toString('base64url')));
