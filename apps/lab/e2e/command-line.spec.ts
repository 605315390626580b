import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { docExamples, ExampleRunner } from './doc-examples.js';
import { ControlPlane } from '../src/fleet/control-plane.js';

const LONGHAUL = fileURLToPath(new URL('../../cli/bin/longhaul.js', import.meta.url));

const wait = (milliseconds: number): Promise<false> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds, false));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line as a person or a pipeline runs it, against a whole controller. */
describe('longhaul', () => {
  let dir: string;
  let plane: ControlPlane;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'longhaul-cli-'));
    // PostgreSQL runs as a user of its own and has to get through.
    await chmod(dir, 0o755);
    plane = await ControlPlane.start({ stateDir: join(dir, 'plane'), managementAddress: '127.0.0.2' });
    await run(
      ['login', '--controller', plane.url, '--email', plane.admin.email, ...pin()],
      plane.admin.password,
    );
    await run(['sites', 'create', 'Chicago', '--lan', '10.77.20.0/24', '--label', 'us']);
    await run(['sites', 'create', 'New York', '--lan', '10.77.10.0/24']);
  });
  afterAll(async () => {
    await plane.stop();
    await rm(dir, { recursive: true });
  });

  const pin = () => ['--ca-sha256', plane.caSha256];

  function attempt(
    args: readonly string[],
    input = '',
    environment: NodeJS.ProcessEnv = {},
  ): Promise<Outcome> {
    const child = spawn(process.execPath, [LONGHAUL, ...args], {
      env: { PATH: process.env['PATH'], XDG_CONFIG_HOME: join(dir, 'config'), ...environment },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => undefined).end(input);
    return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  }

  async function run(
    args: readonly string[],
    input?: string,
    environment?: NodeJS.ProcessEnv,
  ): Promise<string> {
    const { code, stdout, stderr } = await attempt(args, input, environment);
    if (code !== 0) throw new Error(`longhaul ${args.join(' ')} ended with ${code}: ${stderr}`);
    return stdout;
  }

  const json = async <T>(args: readonly string[]): Promise<T> =>
    JSON.parse(await run([...args, '--json'])) as T;
  const newToken = async (...args: string[]): Promise<string> => {
    const made = await json<{ token: string }>(['tokens', 'create', '--site', 'Chicago', ...args]);
    return made.token;
  };
  const enroll = (token: string, stateDir: string, caSha256 = plane.caSha256) =>
    attempt([
      ...['agent', 'enroll', '--controller', plane.agentUrl, '--token', token, '--ca-sha256', caSha256],
      ...['--state-dir', join(dir, stateDir), '--address', '192.0.2.1', '--json'],
    ]);

  it('signs in by a password, and tells who that is', async () => {
    expect(await run(['whoami'])).toContain(`${plane.admin.email} (owner of Longhaul Lab)`);
    const wrong = ['login', '--controller', plane.url, '--email', plane.admin.email, ...pin()];
    const environment = { XDG_CONFIG_HOME: join(dir, 'nobody') };
    expect(await attempt(wrong, 'not the password', environment)).toMatchObject({ code: 3, stdout: '' });
    expect(await attempt(['sites', 'list'], '', environment)).toMatchObject({ code: 3 });
  });

  it('lists and makes sites, and says what is wrong with one', async () => {
    const sites = await json<{ name: string; labels: string[] }[]>(['sites', 'list']);
    expect(sites.map(({ name }) => name)).toEqual(['Chicago', 'New York']);
    const twice = await attempt(['sites', 'create', 'Chicago']);
    expect(twice).toMatchObject({ code: 5, stderr: expect.stringContaining('already') });
    const overlapping = await attempt(['sites', 'create', 'Boston', '--lan', '10.77.20.128/25']);
    expect(overlapping.code).not.toBe(0);
    expect(overlapping.stderr).toContain('10.77.20');
  });

  it('enrols an agent by a token, and the same one when it is done again', async () => {
    const token = await newToken();
    const first = await enroll(token, 'first');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(first.stdout)).toMatchObject({ state: 'approved' });
    expect(await enroll(token, 'first')).toEqual(first);
    const agents = await json<{ id: string; site: { name: string } }[]>(['agents', 'list']);
    expect(agents).toMatchObject([{ id: (JSON.parse(first.stdout) as { agentId: string }).agentId }]);
  });

  it('enrols nothing by a token that is no good, and says why', async () => {
    const usedUp = await newToken();
    await enroll(usedUp, 'one-off');
    const revoked = await newToken('--name', 'to be revoked');
    await run(['tokens', 'revoke', 'to be revoked']);
    const expiresAt = Date.now() + 15_000;
    const expired = await newToken('--expires', new Date(expiresAt).toISOString());
    await new Promise((resolve) => setTimeout(resolve, expiresAt + 500 - Date.now()));
    const unknown = `lh_enr_${randomBytes(6).toString('hex')}_${randomBytes(32).toString('base64url')}`;
    const before = await json<unknown[]>(['agents', 'list']);
    const cases: [string, string][] = [
      [usedUp, 'as often as it may be'],
      [revoked, 'was revoked'],
      [expired, 'has expired'],
      [unknown, 'does not know this enrolment token'],
      [`${usedUp.slice(0, -1)}`, 'not an enrolment token'],
      [`${usedUp.slice(0, -1)}${usedUp.endsWith('A') ? 'E' : 'A'}`, 'does not know this enrolment token'],
    ];
    for (const [token, reason] of cases) {
      const outcome = await enroll(token, 'refused');
      expect(outcome).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(reason) });
      expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
    }
    expect(await readdir(join(dir, 'refused'))).not.toContain('credential.json');
    expect(await json<unknown[]>(['agents', 'list'])).toEqual(before);
  });

  it('does not show the token to a controller with another CA', async () => {
    const token = await newToken('--name', 'unspent');
    const other = createHash('sha256').update('another').digest('hex');
    const outcome = await enroll(token, 'mispinned', other);
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining('nothing was sent') });
    const tokens = await json<{ name: string; uses: number }[]>(['tokens', 'list']);
    expect(tokens.find(({ name }) => name === 'unspent')).toMatchObject({ uses: 0 });
  });

  it('lets an agent wait for approval, approves and revokes it', async () => {
    const { stdout } = await enroll(await newToken('--needs-approval'), 'waiting');
    const { agentId, state } = JSON.parse(stdout) as { agentId: string; state: string };
    expect(state).toBe('pending');
    expect(await json(['agents', 'approve', agentId])).toMatchObject({ state: 'APPROVED' });
    expect(await json(['agents', 'revoke', agentId])).toMatchObject({ state: 'REVOKED' });
    const again = await enroll(await newToken(), 'waiting');
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('was revoked') });
    expect(await attempt(['agents', 'approve', 'nobody'])).toMatchObject({ code: 4 });
  });

  it('takes the policy from a file, shows changes first, and loses no update', async () => {
    const file = join(dir, 'policy.yaml');
    await writeFile(
      file,
      `rules:
  - { name: Migration, priority: 100, source: { sites: [New York] }, destination: { labels: [us] }, ports: [6600], action: accelerate }
`,
    );
    expect(await attempt(['policy', 'plan', '-f', file])).toMatchObject({
      code: 2,
      stdout: expect.stringMatching(/^\+ Migration\n/),
    });
    expect(await run(['policy', 'get'])).toContain('rules: []');
    expect(await run(['policy', 'apply', '-f', file, '--message', 'first'])).toContain(
      'Saved as revision 1.',
    );
    expect(await run(['policy', 'apply', '-f', file])).toBe('Nothing changes.\n');
    await run(['policy', 'get', '--output', file]);
    expect(await attempt(['policy', 'plan', '-f', file])).toMatchObject({ code: 0 });
    expect(await run(['policy', 'apply', '-f', file])).toBe('Nothing changes.\n');
    const text = await readFile(file, 'utf8');
    expect(await attempt(['policy', 'plan', '-f', '-'], text.replace('- us', '- "no label"'))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/-:\d+: rules\[0\]\.destination\.labels\[0\]: must be/),
    });
    const tested = `${text}tests: [{ name: smb, source: 10.77.10.5, destination: 10.77.20.5, port: 445, expect: deny }]\n`;
    expect(await attempt(['policy', 'test', '-f', '-'], tested)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('FAIL  smb'),
    });
    expect(await attempt(['policy', 'apply', '-f', '-'], tested)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('"smb" fails'),
    });
    await writeFile(file, text.replace('6600', '6601'));
    expect(await run(['policy', 'apply', '-f', '-'], text.replace('6600', '8000'))).toContain(
      '~ Migration (ports)',
    );
    expect(await attempt(['policy', 'apply', '-f', file])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('Somebody else'),
    });
    const history = await json<{ revision: number; message: string }[]>(['policy', 'history']);
    expect(history).toMatchObject([{ revision: 2 }, { revision: 1, message: 'first' }]);
    expect(await run(['policy', 'get', '--revision', '1'])).toContain('6600');
    expect(await attempt(['policy', 'get', '--revision', '9'])).toMatchObject({ code: 4 });
  });

  it('works in a pipeline by an API token and the environment alone', async () => {
    const { token } = await json<{ token: string }>(['api-tokens', 'create', 'pipeline', '--scope', 'read']);
    const environment = {
      XDG_CONFIG_HOME: join(dir, 'pipeline'),
      LONGHAUL_CONTROLLER: plane.url,
      LONGHAUL_API_TOKEN: token,
      LONGHAUL_CA_SHA256: plane.caSha256,
    };
    expect(await run(['sites', 'list'], '', environment)).toContain('Chicago');
    expect(await attempt(['sites', 'create', 'Boston'], '', environment)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('sites:write'),
    });
    await run(['api-tokens', 'revoke', 'pipeline']);
    expect(await attempt(['sites', 'list'], '', environment)).toMatchObject({ code: 3 });
  });

  it('does what docs/api.md says, by curl, the command line and a subscription', async () => {
    const scopes = ['--scope', 'read', '--scope', 'policy:write'];
    const { token } = await json<{ token: string }>(['api-tokens', 'create', 'docs', ...scopes]);
    const caFile = join(dir, 'ca.pem');
    await writeFile(caFile, plane.caPem);
    const runner = await ExampleRunner.create(join(dir, 'docs'), {
      LONGHAUL_CONTROLLER: plane.url,
      LONGHAUL_API_TOKEN: token,
      LONGHAUL_CA_FILE: caFile,
    });
    const examples = docExamples('docs/api.md');
    const shell = examples.filter(({ language }) => language === 'sh');
    expect(shell.length).toBeGreaterThanOrEqual(5);
    let said = '';
    for (const example of shell) {
      const { code, stdout, stderr } = await runner.run(example);
      expect([example.text, code, stderr]).toEqual([example.text, 0, '']);
      expect(stdout).not.toContain('"errors"');
      said += stdout;
    }
    for (const name of ['Chicago', 'New York']) expect(said).toContain(`"name":"${name}"`);
    expect(said.match(/"hasNextPage":true/g)).toHaveLength(1);
    const [subscription] = examples.filter(({ language }) => language === 'js');
    if (subscription === undefined) throw new Error('docs/api.md has no subscription');
    const watching = runner.run(subscription);
    const ended = watching.then(() => true);
    const policyOf = (port: number) => `rules: [{ name: x, priority: 1, ports: [${port}], action: pass }]\n`;
    for (let port = 1; !(await Promise.race([ended, wait(1000)])); port += 1) {
      await run(['policy', 'apply', '-f', '-'], policyOf(port));
    }
    expect(await watching).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^revision \d+ is in force\n$/),
    });
  });

  it('watches by rules, tells webhooks, and has alerts acknowledged and silenced', async () => {
    const made = await json<{ secret: string }>([
      ...['webhooks', 'create', 'On call', '--url', 'https://webhook.invalid/hook'],
    ]);
    expect(made.secret).toMatch(/^whsec_/);
    expect(await run(['webhooks', 'list'])).not.toContain(made.secret);
    const rule = ['--kind', 'token_abuse', '--threshold', '1', '--for', '0s', '--webhook', 'On call'];
    await run(['alert-rules', 'create', 'Tokens', ...rule]);
    expect(
      await json(['alert-rules', 'update', 'Tokens', '--severity', 'critical', '--repeat', '4h']),
    ).toMatchObject({
      severity: 'CRITICAL',
      repeatSeconds: 14_400,
      webhooks: [{ name: 'On call' }],
    });
    expect(
      await attempt(['alert-rules', 'create', 'x', '--kind', 'drift', '--threshold', '2']),
    ).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('threshold'),
    });
    const token = await newToken();
    await run(['tokens', 'revoke', (await json<{ id: string }[]>(['tokens', 'list']))[0]?.id ?? '']);
    expect(await enroll(token, 'abuser')).toMatchObject({ code: 1 });
    const firing = async () =>
      json<{ id: string; ruleName: string }[]>(['alerts', 'list', '--state', 'firing']);
    let alert: { id: string } | undefined;
    for (let tries = 0; alert === undefined && tries < 60; tries += 1) {
      alert = (await firing()).find(({ ruleName }) => ruleName === 'Tokens');
      if (alert === undefined) await wait(1000);
    }
    const id = alert?.id.slice(0, 8) ?? 'none';
    expect(await run(['alerts', 'ack', id])).toMatch(/[1-9]\d* enrolment(?: was|s were) refused/);
    expect(await json(['alerts', 'silence', id, '--until', '1h'])).toMatchObject({
      silencedUntil: expect.any(String),
    });
    expect(await json(['alerts', 'silence', id, '--end'])).toMatchObject({ silencedUntil: null });
    expect(await attempt(['alerts', 'ack', 'ffffffff'])).toMatchObject({ code: 4 });
    const sent = await json<{ id: string; event: string }[]>([
      'webhooks',
      'deliveries',
      '--webhook',
      'On call',
    ]);
    // Tokens of the tests before were refused as well.
    expect(new Set(sent.map(({ event }) => event))).toEqual(new Set(['alert.firing']));
    await run(['webhooks', 'test', 'On call']);
    await run(['webhooks', 'redeliver', sent[0]?.id ?? '']);
    expect(await json(['webhooks', 'rotate-secret', 'On call'])).not.toMatchObject({ secret: made.secret });
    expect(await run(['webhooks', 'disable', 'On call'])).toContain('off');
    await run(['webhooks', 'delete', 'On call']);
    await run(['alert-rules', 'delete', 'Tokens']);
    expect((await firing()).some(({ ruleName }) => ruleName === 'Tokens')).toBe(false);
  });

  it('prints a document with --json, whatever is listed', async () => {
    const lists = [
      ...['sites', 'agents', 'tokens', 'api-tokens', 'audit', 'policy rollouts'],
      ...['alerts', 'alert-rules', 'webhooks'],
    ].map((name) => `${name} list`);
    for (const command of [
      ...lists,
      'policy history',
      'policy status',
      'policy get',
      'whoami',
      'webhooks deliveries',
    ]) {
      expect(typeof (await json(command.split(' ')))).toBe('object');
    }
    expect(await json<unknown[]>(['audit', 'list', '--limit', '2'])).toHaveLength(2);
    expect(await json<unknown[]>(['sites', 'list', '--state', 'empty'])).toHaveLength(1);
    expect(await json<unknown[]>(['agents', 'list', '--site', 'New York'])).toEqual([]);
    expect(await attempt(['sites', 'list', '--state', 'painted'])).toMatchObject({ code: 64 });
  });

  it('tells usage, access and an absent controller apart by the exit code', async () => {
    expect(await attempt(['sites', 'paint'])).toMatchObject({ code: 64 });
    expect(await attempt(['tokens', 'create'])).toMatchObject({ code: 64 });
    expect(await attempt(['login', '--controller', 'https://127.0.0.1:1', '--token', 'x'])).toMatchObject({
      code: 6,
    });
    expect(await attempt(['login', '--controller', plane.url, '--token', 'x'])).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('--ca-sha256'),
    });
    expect(await attempt(['--help'])).toMatchObject({ code: 0, stderr: '' });
  });
});
