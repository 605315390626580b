import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BoundProcess } from './bound-process.js';

const built = fileURLToPath(new URL('../dist/bound-process.js', import.meta.url));

describe('a bound process', () => {
  const root = mkdtempSync(join(tmpdir(), 'longhaul-bound-'));

  afterAll(() => {
    rmSync(root, { recursive: true, force: true });
  });

  const start = (script: string, name: string): Promise<BoundProcess> =>
    BoundProcess.start({
      command: '/bin/sh',
      args: ['-c', script],
      logFile: join(root, name),
      deathSignal: 'TERM',
    });

  it('is stopped by force when it does not heed the signals', async () => {
    const stubborn = await start(
      'trap "" TERM INT; echo ready; while :; do sleep 0.05; done',
      'stubborn.log',
    );
    while (!stubborn.logTail().includes('ready')) await new Promise((resolve) => setTimeout(resolve, 10));
    await stubborn.stop(['SIGTERM', 'SIGINT'], 100);
    expect(await stubborn.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('tells what it last said, of this start only', async () => {
    await (
      await start('echo first', 'said.log')
    ).exited;
    const second = await start('echo second; exit 3', 'said.log');
    expect(await second.exited).toEqual({ code: 3, signal: null });
    expect(second.logTail()).toBe('second');
  });

  it('reports a program that is not there as its end', async () => {
    const missing = await BoundProcess.start({
      command: '/nowhere/program',
      args: [],
      logFile: join(root, 'missing.log'),
      deathSignal: 'TERM',
    });
    expect((await missing.exited).code).not.toBe(0);
    expect(missing.logTail()).toMatch(/No such file/);
  });

  it('that nobody waits for lets its supervisor end, and one that is waited for does not', async () => {
    const script = join(root, 'supervisor.mjs');
    writeFileSync(
      script,
      `import { BoundProcess } from ${JSON.stringify(built)};
       const child = await BoundProcess.start({ command: '/bin/sleep', args: ['60'], logFile: ${JSON.stringify(join(root, 'sleep.log'))}, deathSignal: 'TERM' });
       child.unref();
       if (process.argv[2] === 'kill') {
         await child.kill();
         console.log('gone');
       }`,
    );
    const run = promisify(execFile);
    expect((await run(process.execPath, [script])).stdout).toBe('');
    expect((await run(process.execPath, [script, 'kill'])).stdout).toBe('gone\n');
  });
});
