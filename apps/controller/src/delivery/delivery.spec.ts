import type pg from 'pg';
import {
  desiredStateDirectGet,
  desiredStateKey,
  MAX_NUDGED_STATE_BYTES,
  subjects,
} from '@longhaul/contracts';
import { createWorkerPool } from '../database/worker-pool.js';
import { AgentPresence, type PresenceChange } from '../nats/agent-presence.js';
import type { DurableWorker } from '../nats/durable-worker.js';
import { readAccountClaims } from '../nats/jwt.js';
import type { NatsService } from '../nats/nats.service.js';
import { createSeed, publicKeyOf } from '@longhaul/contracts/nkey';
import { openDesiredStates } from '../nats/streams.js';
import { OUTBOX_TOPICS } from '../outbox/topics.js';
import { eventually } from '../testing/eventually.js';
import { Fixtures } from '../testing/fixtures.js';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { connectTestAgent, startTestNats, type TestAgent, type TestNats } from '../testing/test-nats.js';
import { statusWorker } from './delivery.module.js';
import { DeliveryService } from './delivery.service.js';

// Real servers are killed and started again, on machines that have other things to do.
describe('delivery', () => {
  let database: TestDatabase;
  let fixtures: Fixtures;
  let nats: TestNats;
  let pool: pg.Pool;
  let delivery: DeliveryService;
  let status: DurableWorker;
  let presence: AgentPresence;
  let organizationId: string;
  let siteId: string;
  const agents: TestAgent[] = [];

  beforeAll(async () => {
    [database, nats] = await Promise.all([startTestDatabase(), startTestNats()]);
    fixtures = new Fixtures(database.server.superuserUrl);
    organizationId = await fixtures.organization();
    siteId = await fixtures.site(organizationId, 'Ghent');
    pool = createWorkerPool(database.server.workerUrl, 5);
    delivery = new DeliveryService(nats.service, pool, database.server.workerUrl, nats.state.nats);
    status = statusWorker(nats.service, pool);
    presence = new AgentPresence(nats.service, pool, nats.state.nats.agentsAccount.key);
    delivery.start();
    status.start();
    presence.start();
  });

  afterAll(async () => {
    await Promise.all(agents.map(({ connection }) => connection.close().catch(() => undefined)));
    presence.stop();
    await Promise.all([delivery.stop(), status.stop()]);
    await pool.end();
    await fixtures.close();
    await nats.stop();
    await database.stop();
  });

  const newAgent = async (reconnect = false): Promise<TestAgent> => {
    const seed = createSeed('user');
    const agentId = await fixtures.agent(organizationId, siteId, publicKeyOf(seed));
    const agent = await connectTestAgent(
      nats,
      { organizationId, agentId, state: 'approved' },
      { seed, reconnect },
    );
    agents.push(agent);
    return agent;
  };

  /** Two connections with one identity. */
  const newAgentAndCopy = async (): Promise<[TestAgent, TestAgent]> => {
    const agent = await newAgent();
    const { agentId, seed } = agent;
    const copy = await connectTestAgent(nats, { organizationId, agentId, state: 'approved' }, { seed });
    agents.push(copy);
    return [agent, copy];
  };

  /** What the agent itself reads from its key. */
  const readGeneration = async (agent: TestAgent, timeout = 2_000): Promise<number | undefined> => {
    const subject = desiredStateDirectGet(organizationId, agent.agentId);
    const reply = await agent.connection.request(subject, '', { timeout });
    if (reply.headers?.code !== undefined && reply.headers.code >= 400) return undefined;
    return reply.json<{ generation: number }>().generation;
  };

  const outboxSize = async (): Promise<number> => (await fixtures.query('SELECT 1 FROM outbox')).length;

  const sayApplied = (
    agent: TestAgent,
    generation: number,
    outcome: 'applied' | 'rejected' = 'applied',
  ): void => {
    const message = {
      version: 1,
      bootId: '8f8b1f3e-0000-4000-8000-000000000001',
      epoch: 1,
      generation,
      policyRevision: null,
      outcome,
      ...(outcome === 'rejected' ? { error: 'no' } : {}),
      atMs: Date.now(),
    };
    agent.connection.publish(subjects.applied(organizationId, agent.agentId), JSON.stringify(message));
  };

  const appliedGeneration = async (agent: TestAgent): Promise<unknown> => {
    const [row] = await fixtures.query(
      'SELECT generation, outcome::text FROM agent_applied WHERE agent_id = $1',
      [agent.agentId],
    );
    return row;
  };

  it('brings a state to its agent with a nudge, and the answer back', async () => {
    const agent = await newAgent();
    const nudges: string[] = [];
    agent.connection.subscribe(subjects.nudge(organizationId, agent.agentId), {
      callback: (_, message) => {
        nudges.push(message.string());
      },
    });
    await agent.connection.flush();
    await fixtures.desiredState(organizationId, agent.agentId, 1);
    await eventually(() => nudges.length > 0);
    expect(JSON.parse(nudges[0] ?? '')).toMatchObject({ agentId: agent.agentId, generation: 1 });
    expect(await readGeneration(agent, 20_000)).toBe(1);
    await eventually(async () => (await outboxSize()) === 0);
    const [row] = await fixtures.query(
      'SELECT delivered_generation FROM agent_desired_states WHERE agent_id = $1',
      [agent.agentId],
    );
    expect(row).toEqual({ delivered_generation: 1 });
    sayApplied(agent, 1);
    await eventually(async () => (await appliedGeneration(agent)) !== undefined);
    expect(await appliedGeneration(agent)).toEqual({ generation: 1, outcome: 'APPLIED' });
  });

  it('has an agent read a state that is too large for a nudge', async () => {
    const agent = await newAgent();
    const nudges: number[] = [];
    agent.connection.subscribe(subjects.nudge(organizationId, agent.agentId), {
      callback: (_, { data }) => {
        nudges.push(data.length);
      },
    });
    await agent.connection.flush();
    const spare = 'x'.repeat(MAX_NUDGED_STATE_BYTES);
    await fixtures.desiredState(organizationId, agent.agentId, 1, 1, { spare });
    await eventually(() => nudges.length > 0);
    expect(nudges).toEqual([0]);
    expect(await readGeneration(agent, 20_000)).toBe(1);
  });

  it('never goes back to an older state, and takes what an agent says of one for no news', async () => {
    const agent = await newAgent();
    await fixtures.desiredState(organizationId, agent.agentId, 5);
    await eventually(async () => (await readGeneration(agent)) === 5);
    const bucket = await openDesiredStates(await nats.service.agents());
    const before = await bucket.get(desiredStateKey(organizationId, agent.agentId));
    await fixtures.desiredState(organizationId, agent.agentId, 4);
    await eventually(async () => (await outboxSize()) === 0);
    const after = await bucket.get(desiredStateKey(organizationId, agent.agentId));
    expect(after?.revision).toBe(before?.revision);
    sayApplied(agent, 5);
    await eventually(async () => (await appliedGeneration(agent)) !== undefined);
    sayApplied(agent, 4, 'rejected');
    await agent.connection.flush();
    const other = await newAgent();
    sayApplied(other, 1);
    await eventually(async () => (await appliedGeneration(other)) !== undefined);
    expect(await appliedGeneration(agent)).toEqual({ generation: 5, outcome: 'APPLIED' });
    await fixtures.desiredState(organizationId, agent.agentId, 1, 2);
    await eventually(async () => (await readGeneration(agent)) === 1);
  });

  it('stores a hello, and is not held up by one that cannot be stored', async () => {
    const agent = await newAgent();
    const subject = subjects.hello(organizationId, agent.agentId);
    const hello = {
      version: 1,
      agentVersion: '9.9.9',
      bootId: '8f8b1f3e-0000-4000-8000-000000000002',
      hostname: 'edge-7',
      appliedEpoch: 0,
      appliedGeneration: 0,
    };
    const other = await newAgent();
    other.connection.publish(
      subjects.hello(organizationId, other.agentId),
      JSON.stringify({ ...hello, hostname: 'a\0b' }),
    );
    agent.connection.publish(subject, 'garbage');
    await agent.connection.flush();
    agent.connection.publish(subject, JSON.stringify(hello));
    await eventually(async () => {
      const [row] = await fixtures.query('SELECT version, hostname FROM agents WHERE id = $1', [
        agent.agentId,
      ]);
      return row?.['version'] === '9.9.9' && row['hostname'] === 'edge-7';
    });
  });

  describe('a second process with the same identity', () => {
    const [first, second] = ['8f8b1f3e-0000-4000-8000-00000000000a', '8f8b1f3e-0000-4000-8000-00000000000b'];
    const sayHello = async (agent: TestAgent, bootId: string): Promise<void> => {
      const hello = {
        version: 1,
        agentVersion: '1',
        bootId,
        hostname: 'edge',
        appliedEpoch: 0,
        appliedGeneration: 0,
      };
      agent.connection.publish(subjects.hello(organizationId, agent.agentId), JSON.stringify(hello));
      await agent.connection.flush();
      await eventually(async () => {
        const [row] = await fixtures.query('SELECT boot_id FROM agents WHERE id = $1', [agent.agentId]);
        return row?.['boot_id'] === bootId;
      });
    };
    const detections = async (agent: TestAgent) =>
      fixtures.query(
        "SELECT actor_kind, after FROM audit_events WHERE action = 'agent.clone-detected' AND target_id = $1",
        [agent.agentId],
      );
    const detectedAt = async (agent: TestAgent): Promise<unknown> =>
      (await fixtures.query('SELECT clone_detected_at FROM agents WHERE id = $1', [agent.agentId]))[0]?.[
        'clone_detected_at'
      ];

    it('is found when the first one speaks again; both are told, and it is audited once', async () => {
      const [agent, copy] = await newAgentAndCopy();
      const notices = [agent, copy].map(({ connection }) =>
        connection.subscribe(subjects.notice(organizationId, agent.agentId), { max: 1 }),
      );
      await Promise.all([agent.connection.flush(), copy.connection.flush()]);
      await sayHello(agent, first);
      await sayHello(copy, second);
      expect(await detectedAt(agent)).toBeNull();
      await sayHello(agent, first);
      await sayHello(copy, second);
      expect(await detectedAt(agent)).toBeInstanceOf(Date);
      for (const subscription of notices) {
        const { value } = await subscription[Symbol.asyncIterator]().next();
        expect((value as { string(): string }).string()).toContain('remove its state folder');
      }
      expect(await detections(agent)).toEqual([
        { actor_kind: 'system', after: { hostname: 'edge', bootIds: [second, first] } },
      ]);
    });

    it('is found by what the first one says of its state, too', async () => {
      const [agent, copy] = await newAgentAndCopy();
      await sayHello(agent, '8f8b1f3e-0000-4000-8000-000000000001');
      await sayHello(copy, second);
      sayApplied(agent, 1);
      await eventually(async () => (await detectedAt(agent)) instanceof Date);
    });

    it('is not what an agent is that starts anew, however often, or connects again', async () => {
      const agent = await newAgent();
      for (const bootId of [first, first, second, second, '8f8b1f3e-0000-4000-8000-00000000000c']) {
        await sayHello(agent, bootId);
      }
      sayApplied(agent, 1);
      await sayHello(agent, '8f8b1f3e-0000-4000-8000-00000000000d');
      await eventually(async () => (await appliedGeneration(agent)) !== undefined);
      expect(await detectedAt(agent)).toBeNull();
      expect(await detections(agent)).toEqual([]);
    });
  });

  it('knows who is connected, in every replica', async () => {
    const replica = nats.newService();
    await replica.start();
    const other = new AgentPresence(replica, pool, nats.state.nats.agentsAccount.key);
    const agent = await newAgent();
    await eventually(() => presence.isOnline(organizationId, agent.agentId));
    const changes: PresenceChange[] = [];
    other.onChange((change) => changes.push(change));
    other.start();
    await eventually(() => other.isOnline(organizationId, agent.agentId));
    await agent.connection.close();
    await eventually(() => !other.isOnline(organizationId, agent.agentId));
    await eventually(() => !presence.isOnline(organizationId, agent.agentId));
    expect(changes.filter(({ agentId }) => agentId === agent.agentId).map(({ online }) => online)).toEqual([
      true,
      false,
    ]);
    await eventually(async () => {
      const [row] = await fixtures.query('SELECT last_seen_at FROM agents WHERE id = $1', [agent.agentId]);
      return row?.['last_seen_at'] instanceof Date;
    });
    other.stop();
    await replica.close();
  });

  it('misses nobody when connections end while the list of them is read page by page', async () => {
    const pageSize = 3;
    const fresh: TestAgent[] = [];
    for (let i = 0; i < 3 * pageSize; i += 1) fresh.push(await newAgent());
    const leaving = fresh.splice(0, 2);
    const isThere = (by: AgentPresence) => (agent: TestAgent) => by.isOnline(organizationId, agent.agentId);
    await eventually(() => [...leaving, ...fresh].every(isThere(presence)));
    const idsOf = (those: readonly TestAgent[]) => those.map(({ agentId }) => agentId);
    /** The one that ends when a page with it has come. */
    let next: TestAgent | undefined;
    const slow: Pick<NatsService, 'isUp' | 'onUp' | 'system'> = {
      isUp: true,
      onUp: () => () => undefined,
      system: async () => {
        const system = await nats.service.system();
        const request: typeof system.request = async (...given) => {
          const reply = await system.request(...given);
          const agent = next;
          if (agent !== undefined && reply.string().includes(agent.agentId)) {
            next = undefined;
            await agent.connection.close();
            await eventually(() => !isThere(presence)(agent));
          }
          return reply;
        };
        return Object.assign(Object.create(system) as typeof system, { request });
      },
    };
    const other = new AgentPresence(slow as NatsService, pool, nats.state.nats.agentsAccount.key, pageSize);
    for (const agent of leaving) {
      next = agent;
      await other.reconcile();
      expect(next).toBeUndefined();
      expect(idsOf(fresh.filter(isThere(other)))).toEqual(idsOf(fresh));
    }
    await other.reconcile();
    expect(idsOf(leaving.filter(isThere(other)))).toEqual([]);
    expect(idsOf(fresh.filter(isThere(other)))).toEqual(idsOf(fresh));
  });

  it('survives kill -9 of nats-server: nothing is lost, also what was decided meanwhile', async () => {
    const agent = await newAgent(true);
    await fixtures.desiredState(organizationId, agent.agentId, 1);
    await eventually(async () => (await readGeneration(agent)) === 1);
    await nats.server.kill();
    await fixtures.desiredState(organizationId, agent.agentId, 2);
    await nats.server.restart();
    await eventually(async () => (await readGeneration(agent).catch(() => undefined)) === 2);
    await eventually(() => presence.isOnline(organizationId, agent.agentId));
    sayApplied(agent, 2);
    await eventually(async () => (await appliedGeneration(agent)) !== undefined);
  });

  it('fills the bucket again when nats-server has lost its store', async () => {
    const agent = await newAgent(true);
    await fixtures.desiredState(organizationId, agent.agentId, 3);
    await eventually(async () => (await readGeneration(agent)) === 3);
    const { jetstreamManager } = await import('@nats-io/jetstream');
    await (await jetstreamManager(await nats.service.agents())).streams.delete('KV_desired');
    await nats.server.kill();
    await nats.server.restart();
    await eventually(async () => (await readGeneration(agent).catch(() => undefined)) === 3);
  });

  it('survives kill -9 of PostgreSQL: what is committed is delivered, what agents said is stored', async () => {
    const agent = await newAgent(true);
    await fixtures.desiredState(organizationId, agent.agentId, 1);
    await database.server.kill();
    sayApplied(agent, 1);
    await agent.connection.flush();
    await database.server.restart();
    await eventually(async () => (await readGeneration(agent).catch(() => undefined)) === 1);
    await eventually(async () => (await appliedGeneration(agent)) !== undefined);
    await fixtures.desiredState(organizationId, agent.agentId, 2);
    await eventually(async () => (await readGeneration(agent)) === 2);
    await eventually(async () => (await outboxSize()) === 0);
  });

  it('ends the live connection of a key that was rotated away, and not of the new one', async () => {
    const agent = await newAgent();
    const { agentId } = agent;
    const next = await connectTestAgent(nats, { organizationId, agentId, state: 'approved' });
    agents.push(next);
    await fixtures.query(
      `WITH retired AS (
         INSERT INTO retired_nats_keys (organization_id, nats_public_key, agent_id) VALUES ($1, $2, $3))
       INSERT INTO outbox (organization_id, topic, subject_id) VALUES ($1, 'agent-keys-retired', $3)`,
      [organizationId, agent.natsPublicKey, agentId],
    );
    await agent.connection.closed();
    await next.connection.flush();
    const again = connectTestAgent(
      nats,
      { organizationId, agentId, state: 'approved' },
      { seed: agent.seed },
    );
    await expect(again).rejects.toThrow();
    // When no credential of it can be good any more, the server need not know of it.
    await fixtures.query(
      "UPDATE retired_nats_keys SET retired_at = now() - interval '2 days' WHERE agent_id = $1",
      [agentId],
    );
    await delivery.catchUp();
    const system = await nats.service.system();
    const { key } = nats.state.nats.agentsAccount;
    const claims = await system.request(`$SYS.REQ.ACCOUNT.${key}.CLAIMS.LOOKUP`);
    expect(readAccountClaims(claims.string()).nats.revocations ?? {}).not.toHaveProperty(agent.natsPublicKey);
  });

  it('ends a revoked agent’s live connection, for good, and leaves the others alone', async () => {
    const agent = await newAgent(true);
    const bystander = await newAgent();
    await fixtures.desiredState(organizationId, agent.agentId, 1);
    await eventually(async () => (await readGeneration(agent)) === 1);
    let lost = false;
    void (async () => {
      for await (const { type } of agent.connection.status()) if (type === 'disconnect') lost = true;
    })();
    await fixtures.query("UPDATE agents SET state = 'REVOKED', revoked_at = now() WHERE id = $1", [
      agent.agentId,
    ]);
    await fixtures.query('INSERT INTO outbox (organization_id, topic, subject_id) VALUES ($1, $2, $3)', [
      organizationId,
      OUTBOX_TOPICS.revoked,
      agent.agentId,
    ]);
    await eventually(() => lost);
    await agent.connection.close();
    const identity = { organizationId, agentId: agent.agentId, state: 'approved' as const };
    const comeBack = () => connectTestAgent(nats, identity, { seed: agent.seed });
    await expect(comeBack()).rejects.toThrow(/authorization violation/i);
    expect(bystander.connection.isClosed()).toBe(false);
    await eventually(async () => {
      const bucket = await openDesiredStates(await nats.service.agents());
      return (await bucket.get(desiredStateKey(organizationId, agent.agentId)))?.operation !== 'PUT';
    });
    // A restart begins with the account as it was made; the controller corrects that.
    await nats.server.kill();
    await nats.server.restart();
    await eventually(async () => {
      await expect(comeBack()).rejects.toThrow(/authorization violation/i);
      return true;
    });
  });
});
