import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LastGoodState } from './last-good-state.js';
import { someState } from './testing/states.js';

const SAVER = fileURLToPath(new URL('testing/save-states.mjs', import.meta.url));

describe('the last good state on disk', () => {
  const addressee = { organizationId: randomUUID(), agentId: randomUUID() };
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'longhaul-state-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('comes back as it was saved, readable by its owner only', async () => {
    const store = new LastGoodState(dir, addressee);
    expect(await store.load()).toBeUndefined();
    const state = someState(addressee, 3);
    await store.save(state);
    expect(await store.load()).toEqual(state);
    expect((await stat(join(dir, 'desired-state.json'))).mode & 0o777).toBe(0o600);
  });

  it('is whole, and the last that was said to be saved or one later, after kill -9 at any moment', async () => {
    const store = new LastGoodState(dir, addressee);
    for (let round = 0; round < 5; round++) {
      const first = ((await store.load())?.generation ?? 0) + 1;
      const child = spawn(process.execPath, [SAVER, dir, JSON.stringify(someState(addressee, first))], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
      while (output.split('\n').length < 3 + round) await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await once(child, 'close');
      const saved = Number(output.trim().split('\n').at(-1));
      const generation = (await store.load())?.generation ?? 0;
      expect([saved, saved + 1]).toContain(generation);
    }
  });

  it("refuses a damaged file and another agent's, and keeps it for a person to look at", async () => {
    const path = join(dir, 'desired-state.json');
    const store = new LastGoodState(dir, addressee);
    await writeFile(path, '{"version":1,');
    await expect(store.load()).rejects.toThrow('not JSON');
    await writeFile(path, JSON.stringify(someState({ ...addressee, agentId: randomUUID() }, 1)));
    await expect(store.load()).rejects.toThrow('another agent');
    expect(await readFile(path, 'utf8')).not.toBe('');
  });
});
