import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseExpiry } from './expiry.js';
import { openSession, removeSession, saveSession, sessionPath } from './session.js';

describe('who is signed in', () => {
  let home: string;
  const environment = (over: Record<string, string> = {}) => ({ XDG_CONFIG_HOME: home, ...over });
  const stored = { controllerUrl: 'https://a.example', caPem: null, credential: { cookie: 'secret' } };

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'longhaul-session-'));
  });
  afterEach(() => rm(home, { recursive: true }));

  it('is kept for its owner only, and forgotten on demand', async () => {
    await expect(openSession(environment())).rejects.toMatchObject({ exitCode: 3 });
    await saveSession(stored, environment());
    expect((await stat(sessionPath(environment()))).mode & 0o777).toBe(0o600);
    expect((await stat(join(home, 'longhaul'))).mode & 0o777).toBe(0o700);
    expect(await openSession(environment())).toEqual(stored);
    await removeSession(environment());
    await expect(openSession(environment())).rejects.toThrow('longhaul login');
  });

  it('is what the environment says before what is stored', async () => {
    await saveSession(stored, environment());
    await writeFile(join(home, 'ca.pem'), 'PEM');
    const session = await openSession(
      environment({
        LONGHAUL_CONTROLLER: 'https://b.example/',
        LONGHAUL_API_TOKEN: 'lh_api_x',
        LONGHAUL_CA_FILE: join(home, 'ca.pem'),
      }),
    );
    expect(session).toEqual({
      controllerUrl: 'https://b.example',
      caPem: 'PEM',
      credential: { apiToken: 'lh_api_x' },
    });
    await expect(openSession(environment({ LONGHAUL_API_TOKEN: 'lh_api_x' }))).rejects.toThrow(
      'LONGHAUL_CONTROLLER',
    );
    expect(await readFile(sessionPath(environment()), 'utf8')).not.toContain('lh_api_x');
  });

  it('is asked to sign in again when the file is damaged', async () => {
    await saveSession(stored, environment());
    await writeFile(sessionPath(environment()), '{');
    await expect(openSession(environment())).rejects.toThrow('sign in again');
  });
});

describe('an expiry', () => {
  it('is hours or days from now, or a time', () => {
    const now = Date.UTC(2026, 0, 1);
    expect(parseExpiry('12h', now)).toBe('2026-01-01T12:00:00.000Z');
    expect(parseExpiry('30d', now)).toBe('2026-01-31T00:00:00.000Z');
    expect(parseExpiry('2027-01-31T12:00Z')).toBe('2027-01-31T12:00:00.000Z');
    expect(() => parseExpiry('soon')).toThrow('12h');
  });
});
