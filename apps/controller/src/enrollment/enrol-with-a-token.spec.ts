import 'reflect-metadata';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { Module, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  AGENT_API,
  challengeMessage,
  credentialSchema,
  MAX_BODY_BYTES,
  rotationMessage,
  subjects,
} from '@longhaul/contracts';
import { ControllerStateModule } from '../bootstrap/controller-state.module.js';
import { prepareControllerState } from '../bootstrap/prepare.js';
import { ConfigModule } from '../config/config.module.js';
import { loadSettings } from '../config/settings.js';
import { DatabaseModule } from '../database/database.module.js';
import { readUserClaims } from '../nats/jwt.js';
import { createSeed, SigningKey } from '@longhaul/contracts/nkey';
import { Fixtures } from '../testing/fixtures.js';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { AGENT_API_PREFIX, agentApiGate } from './agent-api-gate.js';
import { EnrollmentModule } from './enrollment.module.js';
import { FLEET_CHANGES } from './fleet-changes.js';
import { KeyRotation } from './key-rotation.js';

const agentsChanged = jest.fn<() => Promise<void>>().mockResolvedValue(undefined);

@Module({
  providers: [{ provide: FLEET_CHANGES, useValue: { agentsChanged } }],
  exports: [FLEET_CHANGES],
})
class FleetStub {}

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Keys of a machine that wants to become an agent. */
interface Machine {
  readonly seed: string;
  readonly natsPublicKey: string;
  readonly tunnelPublicKey: string;
}

const newMachine = (): Machine => {
  const seed = createSeed('user');
  return {
    seed,
    natsPublicKey: new SigningKey(seed).publicKey,
    tunnelPublicKey: randomBytes(32).toString('base64'),
  };
};

describe('enrolment', () => {
  let database: TestDatabase;
  let fixtures: Fixtures;
  let app: INestApplication;
  let base: string;
  let organizationId: string;
  let siteId: string;
  const stateDir = mkdtempSync(join(tmpdir(), 'longhaul-enrol-'));

  beforeAll(async () => {
    database = await startTestDatabase();
    fixtures = new Fixtures(database.server.superuserUrl);
    organizationId = await fixtures.organization();
    siteId = await fixtures.site(organizationId, 'Ghent');
    const settings = loadSettings({
      DATABASE_URL: database.server.appUrl,
      DATABASE_OWNER_URL: database.server.ownerUrl,
      DATABASE_WORKER_URL: database.server.workerUrl,
      NATS_URL: 'nats://nats.example:4222',
    });
    const state = await prepareControllerState(stateDir, { hosts: [] });
    const module = await Test.createTestingModule({
      imports: [
        ConfigModule.with(settings),
        ControllerStateModule.with(state),
        DatabaseModule,
        { module: FleetStub, global: true },
        EnrollmentModule,
      ],
    }).compile();
    app = module.createNestApplication({ logger: false });
    app.use(AGENT_API_PREFIX, agentApiGate({ perSecond: 1000, burst: 1000 }));
    await app.listen(0, '127.0.0.1');
    base = `http://127.0.0.1:${String((app.getHttpServer().address() as AddressInfo).port)}`;
  });

  afterAll(async () => {
    await app.close();
    await fixtures.close();
    await database.stop();
    rmSync(stateDir, { recursive: true, force: true });
  });

  const post = async (path: string, body: unknown): Promise<Answer> => {
    const response = await fetch(base + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  const prove = async (purpose: 'enroll' | 'renew', machine: Machine) => {
    const { natsPublicKey } = machine;
    const { body } = await post(AGENT_API.challenge, { natsPublicKey });
    const challenge = String(body['challenge']);
    const signature = new SigningKey(machine.seed).sign(Buffer.from(challengeMessage(purpose, challenge)));
    return { natsPublicKey, challenge, signature: Buffer.from(signature).toString('base64') };
  };

  const enroll = async (token: string, machine = newMachine(), more: object = {}): Promise<Answer> =>
    post(AGENT_API.enroll, {
      token,
      tunnelPublicKey: machine.tunnelPublicKey,
      hostname: 'edge-1',
      agentVersion: '0.1.0',
      addresses: ['10.77.1.1', 'edge.example'],
      tunnelPort: 4810,
      ...(await prove('enroll', machine)),
      ...more,
    });

  const renew = async (machine: Machine): Promise<Answer> =>
    post(AGENT_API.renew, await prove('renew', machine));

  const countAgents = async (): Promise<number> => {
    const [row] = await fixtures.query<{ count: number }>('SELECT count(*)::int AS count FROM agents');
    return row?.count ?? -1;
  };

  const expectRefusal = async (token: string, code: string, says: RegExp): Promise<void> => {
    const before = await countAgents();
    const { status, body } = await enroll(token);
    expect(body).toEqual({ code, message: expect.stringMatching(says) as string });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(await countAgents()).toBe(before);
  };

  it('makes an agent of whoever brings a good token, with a credential for its own subjects', async () => {
    const machine = newMachine();
    const token = await fixtures.token(organizationId, siteId);
    agentsChanged.mockClear();
    const { status, body } = await enroll(token, machine);
    expect(status).toBe(200);
    const credential = credentialSchema.parse(body);
    expect(credential).toMatchObject({
      organizationId,
      siteId,
      state: 'approved',
      natsUrls: ['nats://nats.example:4222'],
    });
    const claims = readUserClaims(credential.natsJwt);
    expect(claims.sub).toBe(machine.natsPublicKey);
    expect(claims.nats.sub?.allow).toContain(subjects.agentSubscribe(organizationId, credential.agentId));
    expect((claims.exp ?? 0) - Date.now() / 1000).toBeLessThanOrEqual(24 * 3600);
    const [row] = await fixtures.query('SELECT * FROM agents WHERE id = $1', [credential.agentId]);
    expect(row).toMatchObject({
      state: 'APPROVED',
      labels: ['edge'],
      tunnel_public_key: machine.tunnelPublicKey,
      endpoints: ['10.77.1.1:4810', 'edge.example:4810'],
    });
    expect(agentsChanged).toHaveBeenCalledTimes(1);
    const audit = await fixtures.query(
      "SELECT actor_id, origin FROM audit_events WHERE action = 'agent.enrol' AND target_id = $1",
      [credential.agentId],
    );
    expect(audit).toEqual([{ actor_id: credential.agentId, origin: '127.0.0.1' }]);
  });

  it('refuses an expired, a revoked and a used-up token, and says which', async () => {
    const expired = await fixtures.token(organizationId, siteId, { expiresAt: new Date(Date.now() - 1000) });
    await expectRefusal(expired, 'TOKEN_EXPIRED', /expired/);
    const revoked = await fixtures.token(organizationId, siteId, { revoked: true });
    await expectRefusal(revoked, 'TOKEN_REVOKED', /revoked/);
    const once = await fixtures.token(organizationId, siteId);
    expect((await enroll(once)).status).toBe(200);
    await expectRefusal(once, 'TOKEN_USED_UP', /used/);
  });

  it('refuses a garbled or an unknown token, and one with a good id and a wrong secret', async () => {
    const token = await fixtures.token(organizationId, siteId);
    await expectRefusal(token.slice(0, -1), 'TOKEN_MALFORMED', /copy the whole/);
    await expectRefusal(`lh_enr_${'A'.repeat(12)}_${'A'.repeat(43)}`, 'TOKEN_UNKNOWN', /did not issue/);
    const wrongSecret = token.slice(0, 20) + 'B'.repeat(43);
    await expectRefusal(wrongSecret, 'TOKEN_UNKNOWN', /did not issue/);
  });

  it('lets exactly one of twenty in that bring the same one-off token at once', async () => {
    const token = await fixtures.token(organizationId, siteId);
    const before = await countAgents();
    const answers = await Promise.all(Array.from({ length: 20 }, () => enroll(token)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const codes = new Set(answers.filter(({ status }) => status !== 200).map(({ body }) => body['code']));
    expect([...codes]).toEqual(['TOKEN_USED_UP']);
    expect(await countAgents()).toBe(before + 1);
  });

  it('lets as many in as a token has uses, also when they come at once', async () => {
    const token = await fixtures.token(organizationId, siteId, { maxUses: 3 });
    const answers = await Promise.all(Array.from({ length: 6 }, () => enroll(token)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
  });

  it('gives the same agent for the same key, without using the token again, also at once', async () => {
    const machine = newMachine();
    const token = await fixtures.token(organizationId, siteId);
    const answers = await Promise.all(Array.from({ length: 5 }, () => enroll(token, machine)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(new Set(answers.map(({ body }) => body['agentId'])).size).toBe(1);
    const [row] = await fixtures.query('SELECT uses FROM enrollment_tokens WHERE public_id = $1', [
      token.slice(7, 19),
    ]);
    expect(row).toEqual({ uses: 1 });
  });

  it('does not let a key move to another organization, or two agents share a tunnel key', async () => {
    const machine = newMachine();
    expect((await enroll(await fixtures.token(organizationId, siteId), machine)).status).toBe(200);
    const otherOrganization = await fixtures.organization('Other');
    const otherSite = await fixtures.site(otherOrganization, 'Lille');
    const other = await fixtures.token(otherOrganization, otherSite);
    expect((await enroll(other, machine)).body['code']).toBe('KEY_IN_USE');
    const copied = { ...newMachine(), tunnelPublicKey: machine.tunnelPublicKey };
    expect((await enroll(other, copied)).body['code']).toBe('KEY_IN_USE');
    expect((await enroll(other)).status).toBe(200);
  });

  it('makes an agent wait for approval where the token says so', async () => {
    const machine = newMachine();
    const token = await fixtures.token(organizationId, siteId, { needsApproval: true });
    const { body } = await enroll(token, machine);
    expect(body['state']).toBe('pending');
    const agentId = String(body['agentId']);
    expect(readUserClaims(String(body['natsJwt'])).nats.pub?.allow).toEqual([
      subjects.hello(organizationId, agentId),
    ]);
    await fixtures.query("UPDATE agents SET state = 'APPROVED' WHERE id = $1", [agentId]);
    expect((await renew(machine)).body['state']).toBe('approved');
  });

  it('renews by the key alone, and not for a stranger or a revoked agent', async () => {
    const machine = newMachine();
    expect((await renew(machine)).body['code']).toBe('AGENT_UNKNOWN');
    const { body } = await enroll(await fixtures.token(organizationId, siteId), machine);
    const renewed = await renew(machine);
    expect(renewed.status).toBe(200);
    expect(renewed.body['agentId']).toBe(body['agentId']);
    await fixtures.query("UPDATE agents SET state = 'REVOKED', revoked_at = now() WHERE id = $1", [
      body['agentId'],
    ]);
    expect((await renew(machine)).body['code']).toBe('AGENT_REVOKED');
    const again = await enroll(await fixtures.token(organizationId, siteId), machine);
    expect(again.body['code']).toBe('AGENT_REVOKED');
  });

  it('counts what it refuses: for the token that was tried, or for the organization that runs the controller', async () => {
    await fixtures.query('UPDATE organizations SET is_provider = true WHERE id = $1', [organizationId]);
    const customer = await fixtures.organization('Customer');
    const token = await fixtures.token(customer, await fixtures.site(customer, 'Bruges'), { revoked: true });
    const count = () =>
      fixtures.query<{ organization_id: string; code: string; count: number; origin: string }>(
        'SELECT organization_id, code, sum(count)::int AS count, max(origin) AS origin FROM enrollment_refusals GROUP BY 1, 2 ORDER BY 2',
      );
    await fixtures.query('DELETE FROM enrollment_refusals');
    await Promise.all(Array.from({ length: 5 }, () => enroll(token)));
    await enroll(token.slice(0, -4) + 'AAAA');
    await enroll(`lh_enr_${'B'.repeat(12)}_${'B'.repeat(43)}`);
    const counted = await count();
    expect(counted).toHaveLength(3);
    expect(counted).toEqual(
      expect.arrayContaining([
        {
          organization_id: customer,
          code: 'TOKEN_REVOKED',
          count: 5,
          origin: expect.stringContaining('127.0.0.1'),
        },
        { organization_id: customer, code: 'TOKEN_UNKNOWN', count: 1, origin: expect.any(String) },
        { organization_id: organizationId, code: 'TOKEN_UNKNOWN', count: 1, origin: expect.any(String) },
      ]),
    );
    const good = await fixtures.token(organizationId, siteId);
    expect((await enroll(good)).status).toBe(200);
    expect(await count()).toEqual(counted);
  });

  describe('a change of keys', () => {
    const rotate = async (old: Machine, next: Machine, signer = next, announced = next): Promise<Answer> => {
      const { natsPublicKey } = old;
      const { body } = await post(AGENT_API.challenge, { natsPublicKey });
      const challenge = String(body['challenge']);
      const message = Buffer.from(rotationMessage(challenge, next));
      const sign = ({ seed }: Machine): string =>
        Buffer.from(new SigningKey(seed).sign(message)).toString('base64');
      return post(AGENT_API.rotate, {
        natsPublicKey,
        challenge,
        signature: sign(old),
        next: {
          natsPublicKey: announced.natsPublicKey,
          tunnelPublicKey: announced.tunnelPublicKey,
          signature: sign(signer),
        },
      });
    };
    const keysOf = async (agentId: unknown) =>
      (
        await fixtures.query(
          'SELECT nats_public_key, tunnel_public_key, next_nats_public_key FROM agents WHERE id = $1',
          [agentId],
        )
      )[0];
    const enrolled = async (): Promise<[Machine, unknown]> => {
      const machine = newMachine();
      const { body } = await enroll(await fixtures.token(organizationId, siteId), machine);
      return [machine, body['agentId']];
    };

    it('leaves the old ones good until the first use of the new, and then retires them', async () => {
      const [machine, agentId] = await enrolled();
      const next = newMachine();
      agentsChanged.mockClear();
      const { status, body } = await rotate(machine, next);
      expect(agentsChanged).toHaveBeenCalledTimes(1);
      expect([status, body['agentId']]).toEqual([200, agentId]);
      expect(readUserClaims(String(body['natsJwt'])).sub).toBe(next.natsPublicKey);
      expect((await renew(machine)).status).toBe(200);
      expect(await keysOf(agentId)).toMatchObject({ tunnel_public_key: machine.tunnelPublicKey });
      agentsChanged.mockClear();
      expect((await renew(next)).body['agentId']).toBe(agentId);
      expect(agentsChanged).toHaveBeenCalledTimes(1);
      expect(await keysOf(agentId)).toEqual({
        nats_public_key: next.natsPublicKey,
        tunnel_public_key: next.tunnelPublicKey,
        next_nats_public_key: null,
      });
      expect((await renew(machine)).body['code']).toBe('AGENT_UNKNOWN');
      const retired = await fixtures.query(
        'SELECT nats_public_key FROM retired_nats_keys WHERE agent_id = $1',
        [agentId],
      );
      expect(retired).toEqual([{ nats_public_key: machine.natsPublicKey }]);
      const outbox = await fixtures.query(
        "SELECT topic FROM outbox WHERE subject_id = $1 AND topic = 'agent-keys-retired'",
        [agentId],
      );
      expect(outbox).toHaveLength(1);
      const events = await fixtures.query<{ action: string }>(
        'SELECT action FROM audit_events WHERE target_id = $1 ORDER BY at',
        [agentId],
      );
      expect(events.map(({ action }) => action)).toEqual([
        'agent.enrol',
        'agent.rotate-keys',
        'agent.keys-rotated',
      ]);
      expect((await rotate(next, machine)).body['code']).toBe('KEY_IN_USE');
    });

    it('ends the old ones after four hours, also unused', async () => {
      const [machine, agentId] = await enrolled();
      const next = newMachine();
      await rotate(machine, next);
      const rotation = app.get(KeyRotation, { strict: false });
      await rotation.completeOverdue();
      expect(await keysOf(agentId)).toMatchObject({ nats_public_key: machine.natsPublicKey });
      const [row] = await fixtures.query<{ hours: number }>(
        'SELECT extract(epoch FROM next_keys_until - now())::float / 3600 AS hours FROM agents WHERE id = $1',
        [agentId],
      );
      expect(row?.hours).toBeCloseTo(4, 1);
      await fixtures.query("UPDATE agents SET next_keys_until = now() - interval '1 s' WHERE id = $1", [
        agentId,
      ]);
      await rotation.completeOverdue();
      expect(await keysOf(agentId)).toMatchObject({ nats_public_key: next.natsPublicKey });
    });

    it('needs both signatures, over exactly these keys', async () => {
      const [machine, agentId] = await enrolled();
      const [next, thief] = [newMachine(), newMachine()];
      for (const attempt of [
        rotate(machine, next, thief),
        rotate(machine, next, next, { ...next, tunnelPublicKey: thief.tunnelPublicKey }),
        rotate({ ...machine, seed: thief.seed }, next),
      ]) {
        expect((await attempt).body['code']).toBe('SIGNATURE_INVALID');
      }
      expect((await rotate(thief, next)).body['code']).toBe('AGENT_UNKNOWN');
      const [other] = await enrolled();
      expect((await rotate(machine, other)).body['code']).toBe('KEY_IN_USE');
      expect(await keysOf(agentId)).toMatchObject({ next_nats_public_key: null });
    });

    it('that is announced anew retires the keys that were announced before', async () => {
      const [machine, agentId] = await enrolled();
      const [first, second] = [newMachine(), newMachine()];
      await rotate(machine, first);
      expect((await rotate(machine, first)).status).toBe(200);
      expect((await rotate(machine, second)).status).toBe(200);
      expect((await renew(first)).body['code']).toBe('AGENT_UNKNOWN');
      const retired = await fixtures.query(
        'SELECT nats_public_key FROM retired_nats_keys WHERE agent_id = $1',
        [agentId],
      );
      expect(retired).toEqual([{ nats_public_key: first.natsPublicKey }]);
      expect((await renew(second)).body['agentId']).toBe(agentId);
    });

    it('is nothing for a revoked agent', async () => {
      const [machine, agentId] = await enrolled();
      const next = newMachine();
      await rotate(machine, next);
      await fixtures.query("UPDATE agents SET state = 'REVOKED', revoked_at = now() WHERE id = $1", [
        agentId,
      ]);
      expect((await renew(next)).body['code']).toBe('AGENT_UNKNOWN');
      expect((await rotate(machine, newMachine())).body['code']).toBe('AGENT_UNKNOWN');
    });
  });

  it('takes a challenge once, for the key and the purpose that it was signed for', async () => {
    const machine = newMachine();
    const token = await fixtures.token(organizationId, siteId, { maxUses: 5 });
    const proof = await prove('enroll', machine);
    expect((await enroll(token, machine, proof)).status).toBe(200);
    expect((await enroll(token, machine, proof)).body['code']).toBe('CHALLENGE_INVALID');
    expect((await enroll(token, newMachine(), await prove('renew', machine))).body['code']).toBe(
      'SIGNATURE_INVALID',
    );
    const thief = newMachine();
    const stolen = await prove('renew', machine);
    expect(
      (await post(AGENT_API.renew, { ...stolen, natsPublicKey: thief.natsPublicKey })).body['code'],
    ).toBe('CHALLENGE_INVALID');
    const forged = { ...(await prove('renew', machine)), signature: 'AAAA' };
    expect((await post(AGENT_API.renew, forged)).body['code']).toBe('SIGNATURE_INVALID');
  });

  it('answers a wrong request in words, and an oversized one before reading it', async () => {
    expect(await post(AGENT_API.renew, { natsPublicKey: randomUUID() })).toMatchObject({
      status: 400,
      body: { code: 'BAD_REQUEST', message: expect.stringContaining('natsPublicKey') as string },
    });
    const big = await post(AGENT_API.enroll, { token: 'x'.repeat(MAX_BODY_BYTES) });
    expect(big).toMatchObject({ status: 413, body: { code: 'BAD_REQUEST' } });
    const answer = await new Promise<string>((resolve, reject) => {
      const request = httpRequest(base + AGENT_API.enroll, { method: 'POST' }, (response) => {
        response.setEncoding('utf8').on('data', resolve);
      });
      request.on('error', reject);
      // No length is announced, and the end never comes.
      request.write('{"token":"'.padEnd(MAX_BODY_BYTES + 1, 'x'));
    });
    expect(JSON.parse(answer)).toMatchObject({ code: 'BAD_REQUEST' });
  });
});
