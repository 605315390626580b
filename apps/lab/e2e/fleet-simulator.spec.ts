import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const LAB = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const SMALL = [
  '--agents',
  '50',
  '--telemetry-seconds',
  '3',
  '--flow-rate',
  '500',
  '--days',
  '2',
  '--dashboard-runs',
  '6',
];

const counts = z.object({ lost: z.number(), duplicated: z.number() });
const percentiles = z.object({ p50: z.number().positive(), p99: z.number().positive() });
const usage = z.object({ cpuCores: z.number().positive(), rssMb: z.number().positive() });
const resultSchema = z.object({
  agents: z.number(),
  policyDeliveryMs: percentiles,
  policy: counts,
  telemetry: counts.extend({
    records: z.number(),
    seconds: z.number(),
    recordsPerSecond: z.number().positive(),
  }),
  dashboardQueryMs: percentiles,
  dashboard: z.object({ points: z.number() }),
  controller: usage,
});

/** Folders of the run that was this process. */
const leftBehind = (pid: number | undefined): string[] =>
  [tmpdir(), '/dev/shm'].flatMap((folder) =>
    readdirSync(folder).filter((name) => name.startsWith(`longhaul-fleet-${String(pid)}-`)),
  );

describe('a fleet of fifty simulated agents', () => {
  it('loses nothing and doubles nothing though its controller is killed in the middle of everything', () => {
    const { pid, stdout, stderr, status } = spawnSync(
      process.execPath,
      [LAB, 'fleet', ...SMALL, '--kill', '--json'],
      {
        encoding: 'utf8',
        timeout: 170_000,
      },
    );
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    const result = resultSchema.parse(JSON.parse(stdout));
    expect(result).toMatchObject({
      agents: 50,
      policy: { lost: 0, duplicated: 0 },
      telemetry: { records: 1500, seconds: 3, lost: 0, duplicated: 0 },
    });
    expect(result.policyDeliveryMs.p99).toBeGreaterThanOrEqual(result.policyDeliveryMs.p50);
    expect(result.dashboard.points).toBeGreaterThan(24);
    expect(leftBehind(pid)).toEqual([]);
  });

  it('leaves nothing behind when it is interrupted', async () => {
    const lab = spawn(process.execPath, [LAB, 'fleet', ...SMALL, '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<number | null>((resolve) => lab.once('exit', resolve));
    let said = '';
    lab.stderr.on('data', (part: Buffer) => {
      if (!said.includes('agents connected') && String(part).includes('agents connected')) lab.kill('SIGINT');
      said += String(part);
    });
    expect(await ended).toBe(1);
    expect(said).toContain('interrupted by SIGINT');
    expect(leftBehind(lab.pid)).toEqual([]);
  });
});
