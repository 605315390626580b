import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { ACCELERATED_PORT, type TwoSiteFleet } from '../src/fleet/two-site-fleet.js';
import { endFleet, eventually, exchange, startFleet, transfer } from './fleet.js';

const run = promisify(execFile);
const LONGHAUL = fileURLToPath(new URL('../../cli/bin/longhaul.js', import.meta.url));
const PACK = fileURLToPath(new URL('../../../scripts/pack-agent.mjs', import.meta.url));
const PROGRAM = 'node_modules/@longhaul/agent/bin/longhaul-agent.js';

const upgradeSchema = z.object({
  id: z.string(),
  version: z.string(),
  state: z.string(),
  stage: z.number(),
  reason: z.string().nullable(),
  progress: z.object({ agents: z.number(), upgraded: z.number(), failed: z.number() }),
});
type Upgrade = z.infer<typeof upgradeSchema>;

/** Releases reach two supervised agents, which are in namespaces with interception, by the command line and the controller. */
describe('an upgrade of the agents of two sites', () => {
  let fleet: TwoSiteFleet;
  let stateDir: string;
  let folder: string;
  let good: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'longhaul-upgrades-'));
    good = join(folder, 'good.tar.gz');
    await run(process.execPath, [PACK, '--version', '9.9.1', '--out', good]);
    ({ fleet, stateDir } = await startFleet({ supervised: true }));
    const { url, caSha256, admin } = fleet.controlPlane;
    await longhaul(
      ['login', '--controller', url, '--email', admin.email, '--ca-sha256', caSha256],
      admin.password,
    );
    await fleet.api.query(
      'mutation ($id: ID!, $input: SiteInput!) { updateSite(id: $id, input: $input) { id } }',
      { id: fleet.siteIds.a, input: { name: 'New York', labels: ['canary'] } },
      z.unknown(),
    );
  });
  afterAll(async () => {
    await endFleet(fleet, stateDir);
    await rm(folder, { recursive: true });
  });

  async function longhaul(args: readonly string[], input = ''): Promise<string> {
    const environment = { PATH: process.env['PATH'], XDG_CONFIG_HOME: join(folder, 'config') };
    const running = run(process.execPath, [LONGHAUL, ...args], { env: environment });
    running.child.stdin?.end(input);
    return (await running).stdout;
  }
  const json = async <T>(schema: z.ZodType<T>, args: readonly string[]): Promise<T> =>
    schema.parse(JSON.parse(await longhaul([...args, '--json'])));

  const upgrade = async (id: string): Promise<Upgrade> => {
    const found = (await json(z.array(upgradeSchema), ['upgrades', 'list'])).find((each) => each.id === id);
    if (found === undefined) throw new Error('the upgrade is not listed');
    return found;
  };
  const comesTo = (id: string, state: string): Promise<Upgrade> =>
    eventually(
      () => upgrade(id),
      (found) => found.state === state,
    );
  const versions = async (): Promise<string[]> => {
    const running = z.array(z.object({ version: z.string(), agents: z.number() }));
    const { running: counts } = await json(z.object({ running }), ['upgrades', 'versions']);
    return counts.map(({ version, agents }) => `${agents} x ${version}`);
  };

  it('is refused without a release, and a release that is none is refused', async () => {
    await expect(longhaul(['upgrades', 'start', '9.9.1'])).rejects.toThrow('There is no release 9.9.1');
    await expect(longhaul(['releases', 'add', '9.9.2', good])).rejects.toThrow(
      'is a release of version 9.9.1',
    );
    const text = join(folder, 'text');
    await writeFile(text, 'no release');
    await expect(longhaul(['releases', 'add', '9.9.2', text])).rejects.toThrow('is no release of the agent');
  });

  it('reaches canaries first, then all, and connections go on', async () => {
    await longhaul(['releases', 'add', '9.9.1', good, '--notes', 'a test']);
    const plan = z.object({ stages: z.array(z.object({ sites: z.number() })), byHand: z.number() });
    const stages = ['9.9.1', '--canary', 'canary', '--soak', '2', '--confirm', '120', '--prove', '2'];
    expect(await json(plan, ['upgrades', 'plan', ...stages])).toEqual({
      stages: [{ sites: 1 }, { sites: 2 }],
      byHand: 0,
    });
    const moved = transfer(fleet, { from: 'a', seconds: 40 });
    const { id } = await json(upgradeSchema, ['upgrades', 'start', ...stages]);
    const rounds: unknown[] = [];
    let going = true;
    const exchanges = (async () => {
      for (let port = ACCELERATED_PORT; going;) rounds.push(await exchange(fleet, port, 5));
    })();
    await comesTo(id, 'COMPLETED');
    const { sink } = await moved;
    going = false;
    await exchanges;
    // To the end of its time: it was not cut off.
    expect(sink).toMatchObject({ intact: true, ended: 'time' });
    expect(rounds.length).toBeGreaterThan(2);
    expect(rounds.filter((round) => (round as { intact?: boolean }).intact !== true)).toEqual([]);
    expect(await versions()).toEqual(['2 x 9.9.1']);
  });

  it('halts at the canary when that goes back, and ends where it began', async () => {
    const stage = join(folder, 'stage');
    await run('sh', ['-c', 'mkdir "$1" && tar -xzf "$2" -C "$1"', 'sh', stage, good]);
    await writeFile(join(stage, PROGRAM), 'process.exit(7);');
    await writeFile(join(stage, 'release.json'), JSON.stringify({ version: '9.9.2' }));
    const bad = join(folder, 'bad.tar.gz');
    await run('tar', ['--format=ustar', '-C', stage, '-czf', bad, 'release.json', 'node_modules']);
    await longhaul(['releases', 'add', '9.9.2', bad]);
    const { id } = await json(upgradeSchema, [
      'upgrades',
      'start',
      '9.9.2',
      '--canary',
      'canary',
      '--prove',
      '2',
      '--soak',
      '2',
    ]);
    const halted = await comesTo(id, 'HALTED');
    expect(halted).toMatchObject({ stage: 0, progress: { agents: 1, upgraded: 0, failed: 1 } });
    expect(halted.reason).toContain('ended with code 7');
    expect(await versions()).toEqual(['2 x 9.9.1']);
    await longhaul(['upgrades', 'resume', id]);
    await comesTo(id, 'HALTED');
    await longhaul(['upgrades', 'abort', id]);
    expect((await upgrade(id)).state).toBe('ABORTED');
    expect((await transfer(fleet, { from: 'a', bytes: 4 * 2 ** 20 })).sink.intact).toBe(true);
    expect(await readFile(join(fleet.agentDir('b'), 'upgrade.json'), 'utf8')).not.toContain('9.9.2');
  });
});
