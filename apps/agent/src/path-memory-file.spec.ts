import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LinkStatistics } from '@longhaul/edge';
import type { PathMemory } from '@longhaul/tunnel';
import { pino, type Logger } from 'pino';
import { PathMemoryFile } from './path-memory-file.js';

const MEMORY: PathMemory = {
  address: '192.0.2.1',
  minRttUs: 12_000,
  send: { bytesPerSecond: 1e8, observedAtMs: 1_790_000_000_000 },
};

const link = (peerId: string, path: PathMemory): LinkStatistics =>
  ({ peerId, path }) as unknown as LinkStatistics;

describe('what an agent remembers of its paths', () => {
  let folder: string;
  let path: string;
  let lines: string[];
  let log: Logger;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'longhaul-paths-'));
    path = join(folder, 'state', 'paths.json');
    lines = [];
    log = pino({}, { write: (line: string) => lines.push(line) });
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('comes back after a restart, readable by its owner only', async () => {
    const file = await PathMemoryFile.open(path, log);
    expect(file.of('b')).toBeUndefined();
    file.observe([link('b', MEMORY), link('c', { ...MEMORY, address: '192.0.2.2' })], 1_000_000);
    await file.save();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const after = await PathMemoryFile.open(path, log);
    expect([after.of('b'), after.of('c')?.address]).toEqual([MEMORY, '192.0.2.2']);
    expect(lines).toEqual([]);
  });

  it('is written at once, then every half minute, and when it is told to', async () => {
    const file = await PathMemoryFile.open(path, log);
    const written = async (): Promise<number> =>
      (JSON.parse(await readFile(path, 'utf8')) as { paths: { b: PathMemory } }).paths.b.minRttUs;
    file.observe([link('b', MEMORY)], 1_000_000);
    await file.save();
    file.observe([link('b', { ...MEMORY, minRttUs: 13_000 })], 1_010_000);
    expect(await written()).toBe(12_000);
    file.observe([link('b', { ...MEMORY, minRttUs: 14_000 })], 1_030_000);
    await file.save();
    expect(await written()).toBe(14_000);
  });

  it.each([
    { what: 'cut short', content: '{"version":1,"paths":{"b":{"addr' },
    { what: 'of a later version', content: '{"version":2,"paths":{}}' },
    {
      what: 'out of range',
      content: JSON.stringify({ version: 1, paths: { b: { ...MEMORY, minRttUs: -1 } } }),
    },
  ])('is ignored with one line in the log where it is $what', async ({ content }) => {
    const damaged = join(folder, 'paths.json');
    await writeFile(damaged, content);
    const file = await PathMemoryFile.open(damaged, log);
    expect(file.of('b')).toBeUndefined();
    expect(lines).toHaveLength(1);
    file.observe([link('b', MEMORY)], 1_000_000);
    await file.save();
    expect((await PathMemoryFile.open(damaged, log)).of('b')).toEqual(MEMORY);
  });

  it('that cannot be written is told once, and the agent remembers on', async () => {
    await writeFile(join(folder, 'state'), 'a file where the folder should be');
    const file = await PathMemoryFile.open(path, log);
    lines.length = 0;
    for (const minRttUs of [1, 2]) {
      file.observe([link('b', { ...MEMORY, minRttUs })], minRttUs * 1_000_000);
      await file.save();
    }
    expect(file.of('b')?.minRttUs).toBe(2);
    expect(lines).toHaveLength(1);
  });
});
