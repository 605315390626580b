import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const SYSTEMD = join(ROOT, 'deploy/systemd');
const COMPOSE = join(ROOT, 'deploy/compose');

const answers = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;
/** Title of a suite that needs a program. */
const titled = (title: string, isThere: boolean, program: string): string =>
  isThere ? title : `${title} (skipped: there is no ${program})`;

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'longhaul-deploy-'));
});
afterAll(() => {
  rmSync(scratch, { recursive: true });
});

const hasSystemd = answers('systemd-analyze', '--version');

(hasSystemd ? describe : describe.skip)(titled('systemd units', hasSystemd, 'systemd-analyze'), () => {
  const units = readdirSync(SYSTEMD);

  /** A copy whose programs are there: where they are elsewhere is not under test. */
  const withPrograms = (unit: string): string => {
    const folder = join(scratch, 'units');
    mkdirSync(folder, { recursive: true });
    const text = readFileSync(join(SYSTEMD, unit), 'utf8');
    writeFileSync(join(folder, unit), text.replace(/^(Exec\w+=)\S+/gm, '$1/bin/sh'));
    return join(folder, unit);
  };
  const verify = (...files: string[]) =>
    spawnSync('systemd-analyze', ['verify', '--man=no', ...files], { encoding: 'utf8' });

  it('are what systemd understands', () => {
    const { status, stderr } = verify(...units.map(withPrograms));
    expect([status, stderr]).toEqual([0, '']);
    const wrong = withPrograms('longhaul-agent.service');
    writeFileSync(wrong, readFileSync(wrong, 'utf8').replace('ProtectSystem=strict', 'ProtectSystem=rather'));
    expect(verify(wrong).stderr).toMatch(/longhaul-agent.service.*rather/);
  });

  /** Tenths of what `systemd-analyze security` says, 0 to 100. The agent is root, with four capabilities of the network. */
  const bound = (unit: string): number => (unit === 'longhaul-agent.service' ? 30 : 16);

  it.each(units.filter((name) => name.endsWith('.service')))('%s is exposed to little', (unit) => {
    const args = ['security', '--offline=true', `--threshold=${bound(unit)}`, withPrograms(unit)];
    const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    expect([status, /Overall exposure.*/.exec(stdout)?.[0]]).toEqual([0, expect.stringContaining(unit)]);
  });
});

const COMPOSE_COMMANDS = [['docker', 'compose'], ['docker-compose']] as const;
const compose = COMPOSE_COMMANDS.find(([program, ...args]) => answers(program, ...args, 'version'));
const hasCompose = compose !== undefined;

(hasCompose ? describe : describe.skip)(titled('the compose file', hasCompose, 'docker compose'), () => {
  const config = (environment: string) => {
    const file = join(scratch, 'environment');
    writeFileSync(file, environment);
    const [program = '', ...args] = compose ?? [];
    const all = [...args, '--env-file', file, '--file', join(COMPOSE, 'docker-compose.yml'), 'config', '-q'];
    return spawnSync(program, all, { encoding: 'utf8', env: { PATH: process.env.PATH } });
  };
  const example = readFileSync(join(COMPOSE, 'example.env'), 'utf8');

  it('is complete with what example.env asks for', () => {
    const { status, stderr } = config(example.replace(/=$/gm, '=something'));
    expect([status, stderr]).toEqual([0, '']);
  });

  it('names what has not been given', () => {
    const { status, stderr } = config(example);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/PASSWORD|LONGHAUL_/);
  });
});

describe('settings in deploy/', () => {
  it('are settings that the controller has', () => {
    const text = readFileSync(join(COMPOSE, 'docker-compose.yml'), 'utf8');
    const documented = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
    const names = [...text.matchAll(/^ {4}((?:LONGHAUL|DATABASE|NATS)_\w+):/gm)].map(([, name]) => name);
    expect(names).toContain('DATABASE_OWNER_URL');
    expect(names.filter((name) => !documented.includes(`| \`${name}\``))).toEqual([]);
  });
});

const hasBalancer = answers('haproxy', '-v');

(hasBalancer ? describe : describe.skip)(titled('the balancer', hasBalancer, 'haproxy'), () => {
  it('has a configuration that HAProxy takes', () => {
    const state = join(scratch, 'state');
    execFileSync(process.execPath, [
      join(ROOT, 'apps/controller/dist/bootstrap/main.js'),
      '--state-dir',
      state,
    ]);
    const text = readFileSync(join(COMPOSE, 'haproxy.cfg'), 'utf8')
      .replaceAll('/var/lib/longhaul/controller', state)
      .replace(/controller-(\d):8443/g, '127.0.0.1:$1');
    const file = join(scratch, 'haproxy.cfg');
    writeFileSync(file, text);
    const { status, stderr } = spawnSync('haproxy', ['-c', '-f', file], { encoding: 'utf8' });
    expect([status, stderr.match(/\[(WARNING|ALERT)\].*/)]).toEqual([0, null]);
  });
});
