import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/** The database's roles. Tables belong to `owner`; the controller serves as `app`; tenant-crossing workers are `worker`. */
export const ROLES = {
  superuser: 'postgres',
  owner: 'longhaul_owner',
  app: 'longhaul_app',
  worker: 'longhaul_worker',
} as const;

export type RoleKey = keyof typeof ROLES;
/** A password for each role. */
export type Passwords = Readonly<Record<RoleKey, string>>;

const newPassword = (): string => randomBytes(24).toString('base64url');

/** Reads the passwords, or makes them on the first call; the file is 0600 and complete or absent. */
export const loadPasswords = (file: string): Passwords => {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Passwords;
  const passwords: Passwords = {
    superuser: newPassword(),
    owner: newPassword(),
    app: newPassword(),
    worker: newPassword(),
  };
  writeFileSync(`${file}.new`, `${JSON.stringify(passwords, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return passwords;
};
