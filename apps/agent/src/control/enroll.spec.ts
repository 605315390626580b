import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiErrorSchema, enrollRequestSchema } from '@longhaul/contracts';
import { enrollAgent, type EnrollOptions } from './enroll.js';
import { AgentApiError, ControllerUnreachableError, PinMismatchError } from './errors.js';
import { TestCa } from './testing/certificates.js';
import { someToken, TestController } from './testing/test-controller.js';

/** The machine that runs the tests may be busy. */
describe('enrolling an agent', () => {
  let dir: string;
  let ca: TestCa;
  let controller: TestController;
  const options = (over: Partial<EnrollOptions> = {}): EnrollOptions => ({
    controllerUrl: controller.url,
    token: someToken(),
    caSha256: ca.sha256,
    stateDir: join(dir, 'agent'),
    agentVersion: '1.2.3',
    ...over,
  });

  beforeAll(async () => {
    ca = await TestCa.create();
  });
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'longhaul-enroll-'));
    controller = await TestController.start(ca);
  });
  afterEach(async () => {
    await controller.stop();
    await rm(dir, { recursive: true });
  });

  it('sends what the contract says and keeps keys and credential to its owner', async () => {
    const enrollment = await enrollAgent(options({ addresses: ['192.0.2.7'], tunnelPort: 5000 }));
    const sent = enrollRequestSchema.parse(JSON.parse(controller.requests.at(-1)?.body ?? ''));
    expect(sent).toMatchObject({ addresses: ['192.0.2.7'], tunnelPort: 5000, agentVersion: '1.2.3' });
    expect(sent.tunnelPublicKey).toBe(enrollment.tunnelPublicKey);
    const files = await readdir(join(dir, 'agent'));
    expect(files.sort()).toEqual(['credential.json', 'nats.seed', 'tunnel.key']);
    for (const file of files) {
      expect((await stat(join(dir, 'agent', file))).mode & 0o777).toBe(0o600);
    }
    expect((await stat(join(dir, 'agent'))).mode & 0o777).toBe(0o700);
  });

  it('never lets a private key leave', async () => {
    await enrollAgent(options());
    const sent = controller.requests.map(({ body }) => body).join();
    for (const file of ['nats.seed', 'tunnel.key']) {
      expect(sent).not.toContain((await readFile(join(dir, 'agent', file), 'utf8')).trim());
    }
  });

  it('gives the same agent when it is done again', async () => {
    const first = await enrollAgent(options());
    const again = await enrollAgent(options());
    expect(again).toEqual(first);
    expect(controller.agents.size).toBe(1);
  });

  it.each([
    { chain: true, serveCaPem: false },
    { chain: false, serveCaPem: true },
  ])('finds the pinned CA with %j', async ({ chain, serveCaPem }) => {
    await controller.stop();
    controller = await TestController.start(ca, undefined, { chain });
    controller.serveCaPem = serveCaPem;
    await expect(enrollAgent(options())).resolves.toMatchObject({ state: 'approved' });
  });

  it('takes a fingerprint as people paste it', async () => {
    const colons = (ca.sha256.match(/../g) ?? []).join(':');
    for (const caSha256 of [ca.sha256.toUpperCase(), colons, `sha256:${ca.sha256}`]) {
      await expect(enrollAgent(options({ caSha256 }))).resolves.toBeDefined();
    }
    await expect(enrollAgent(options({ caSha256: 'ab12' }))).rejects.toThrow('64 hexadecimal digits');
  });

  it('refuses another CA before the token, or any key, is sent', async () => {
    const other = await TestCa.create();
    await expect(enrollAgent(options({ caSha256: other.sha256 }))).rejects.toThrow(PinMismatchError);
    expect(controller.requests).toEqual([{ path: '/api/v1/ca.pem', body: '' }]);
    await expect(readdir(join(dir, 'agent'))).rejects.toThrow('ENOENT');
  });

  it('does not trust a server that shows the right CA but was not certified by it', async () => {
    const impostorCa = await TestCa.create();
    const impostor = await TestController.start(impostorCa);
    Object.assign(impostor, { ca });
    const attempt = enrollAgent(options({ controllerUrl: impostor.url }));
    await expect(attempt).rejects.toThrow(ControllerUnreachableError);
    expect(impostor.requests.map(({ path }) => path)).toEqual(['/api/v1/ca.pem']);
    await impostor.stop();
  });

  it('says that the certificate is for another name', async () => {
    await controller.stop();
    controller = await TestController.start(ca, undefined, { hosts: ['controller.example'] });
    await expect(enrollAgent(options())).rejects.toThrow('its certificate is for another name');
  });

  it('asks for the fingerprint when the system does not know the CA', async () => {
    await expect(enrollAgent(options({ caSha256: undefined }))).rejects.toThrow('pass --ca-sha256');
    expect(controller.requests).toEqual([]);
  });

  it('says that nothing listens', async () => {
    await controller.stop();
    await expect(enrollAgent(options())).rejects.toThrow('nothing listens there');
    controller = await TestController.start(ca);
  });

  it('refuses what is no address of a controller', async () => {
    for (const controllerUrl of ['http://127.0.0.1:8443', '127.0.0.1:8443', 'controller']) {
      await expect(enrollAgent(options({ controllerUrl }))).rejects.toThrow('https://controller.example');
    }
  });

  it('refuses a garbled token without asking anybody', async () => {
    await expect(enrollAgent(options({ token: 'lh_enr_half' }))).rejects.toMatchObject({
      code: 'TOKEN_MALFORMED',
    });
    expect(controller.requests).toEqual([]);
  });

  it('tells what to do, in one line, for every refusal, and enrols nothing', async () => {
    const sentences = new Set<string>();
    for (const code of apiErrorSchema.shape.code.options) {
      const token = someToken();
      controller.refusals.set(token, code);
      const error: unknown = await enrollAgent(options({ token })).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(AgentApiError);
      expect(error).toMatchObject({ code, message: expect.stringMatching(/^[^\n]{20,300}$/) });
      expect(String(error)).not.toContain(token);
      sentences.add(String(error));
    }
    expect(sentences.size).toBe(apiErrorSchema.shape.code.options.length);
    expect(await readdir(join(dir, 'agent'))).not.toContain('credential.json');
  });
});
