import { randomUUID } from 'node:crypto';
import { jetstream } from '@nats-io/jetstream';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import {
  DESIRED_STATE_BUCKET,
  desiredStateDirectGet,
  desiredStateKey,
  subjects,
  TELEMETRY_STREAM,
} from '@longhaul/contracts';
import { connectTestAgent, startTestNats, type TestAgent, type TestNats } from '../testing/test-nats.js';
import { openDesiredStates, STATUS_STREAM, TELEMETRY_CONSUMER } from './streams.js';

const organizationId = randomUUID();
const otherOrganizationId = randomUUID();

describe("an agent's credential", () => {
  let nats: TestNats;
  let alice: TestAgent;
  let bob: TestAgent;
  let stranger: TestAgent;
  let controller: NatsConnection;

  beforeAll(async () => {
    nats = await startTestNats();
    const approved = (organization: string) =>
      connectTestAgent(nats, { organizationId: organization, agentId: randomUUID(), state: 'approved' });
    [alice, bob, stranger] = await Promise.all([
      approved(organizationId),
      approved(organizationId),
      approved(otherOrganizationId),
    ]);
    controller = await nats.service.agents();
    const states = await openDesiredStates(controller);
    for (const agent of [alice, bob, stranger]) {
      await states.put(desiredStateKey(agent.organizationId, agent.agentId), `state of ${agent.agentId}`);
    }
  });

  afterAll(async () => {
    await Promise.all([alice, bob, stranger].map(({ connection }) => connection.close()));
    await nats.stop();
  });

  /** What the server says to a publish: nothing if it took it. */
  const refusalOf = async (agent: TestAgent, subject: string, payload = ''): Promise<string | undefined> => {
    const { connection, refusals } = agent;
    const before = refusals.length;
    connection.publish(subject, payload);
    await connection.flush();
    await new Promise(setImmediate);
    return refusals[before];
  };

  const get = (agent: TestAgent, subject: string, payload = '', timeout = 20_000): Promise<Msg> =>
    agent.connection.request(subject, payload, { timeout });

  it('publishes to its own subjects and reads its own desired state', async () => {
    const heard: string[] = [];
    const subscription = controller.subscribe(subjects.all.hello, {
      callback: (_error, message) => {
        heard.push(message.subject);
      },
    });
    await controller.flush();
    const hello = subjects.hello(organizationId, alice.agentId);
    expect(await refusalOf(alice, hello)).toBeUndefined();
    await controller.flush();
    expect(heard).toEqual([hello]);
    subscription.unsubscribe();
    const state = await get(alice, desiredStateDirectGet(organizationId, alice.agentId));
    expect(state.string()).toBe(`state of ${alice.agentId}`);
  });

  it('has its telemetry acknowledged by the stream', async () => {
    const { connection } = alice;
    const ack = await jetstream(connection).publish(
      subjects.linkTelemetry(organizationId, alice.agentId),
      '{}',
    );
    expect(ack.stream).toBe(TELEMETRY_STREAM);
  });

  it('hears a nudge of its own', async () => {
    const subscription = alice.connection.subscribe(subjects.nudge(organizationId, alice.agentId), {
      max: 1,
    });
    await alice.connection.flush();
    controller.publish(subjects.nudge(organizationId, alice.agentId));
    const heard: Msg[] = [];
    for await (const message of subscription) heard.push(message);
    expect(heard).toHaveLength(1);
  });

  it("cannot publish to another agent's subjects, to the bucket, or to server and JetStream APIs", async () => {
    const key = desiredStateKey(organizationId, bob.agentId);
    const own = desiredStateKey(organizationId, alice.agentId);
    const kv = `KV_${DESIRED_STATE_BUCKET}`;
    const forbidden = [
      subjects.hello(organizationId, bob.agentId),
      subjects.applied(organizationId, bob.agentId),
      subjects.linkTelemetry(organizationId, bob.agentId),
      subjects.nudge(organizationId, bob.agentId),
      subjects.nudge(organizationId, alice.agentId),
      subjects.hello(otherOrganizationId, alice.agentId),
      `${subjects.inboxPrefix(bob.agentId)}.x`,
      `$KV.${DESIRED_STATE_BUCKET}.${key}`,
      `$KV.${DESIRED_STATE_BUCKET}.${own}`,
      desiredStateDirectGet(organizationId, bob.agentId),
      desiredStateDirectGet(otherOrganizationId, stranger.agentId),
      `$JS.API.DIRECT.GET.${kv}`,
      `$JS.API.STREAM.MSG.GET.${kv}`,
      `$JS.API.STREAM.MSG.GET.${TELEMETRY_STREAM}`,
      '$JS.API.INFO',
      '$JS.API.STREAM.NAMES',
      '$JS.API.STREAM.LIST',
      `$JS.API.STREAM.INFO.${kv}`,
      `$JS.API.STREAM.INFO.${STATUS_STREAM}`,
      `$JS.API.STREAM.PURGE.${kv}`,
      `$JS.API.STREAM.PURGE.${TELEMETRY_STREAM}`,
      `$JS.API.STREAM.DELETE.${kv}`,
      `$JS.API.STREAM.UPDATE.${TELEMETRY_STREAM}`,
      '$JS.API.STREAM.CREATE.MINE',
      `$JS.API.STREAM.MSG.DELETE.${kv}`,
      `$JS.API.STREAM.SNAPSHOT.${kv}`,
      `$JS.API.CONSUMER.NAMES.${TELEMETRY_STREAM}`,
      `$JS.API.CONSUMER.LIST.${TELEMETRY_STREAM}`,
      `$JS.API.CONSUMER.INFO.${TELEMETRY_STREAM}.${TELEMETRY_CONSUMER}`,
      `$JS.API.CONSUMER.CREATE.${kv}`,
      `$JS.API.CONSUMER.CREATE.${kv}.mine.$KV.${DESIRED_STATE_BUCKET}.${own}`,
      `$JS.API.CONSUMER.DURABLE.CREATE.${kv}.mine`,
      `$JS.API.CONSUMER.DELETE.${TELEMETRY_STREAM}.${TELEMETRY_CONSUMER}`,
      `$JS.API.CONSUMER.MSG.NEXT.${TELEMETRY_STREAM}.${TELEMETRY_CONSUMER}`,
      `$JS.ACK.${TELEMETRY_STREAM}.${TELEMETRY_CONSUMER}.1.1.1.1.0`,
      '$JS.FC.x',
      '$SYS.REQ.CLAIMS.UPDATE',
      '$SYS.REQ.USER.INFO',
      '$SYS.REQ.SERVER.PING',
      'anything',
    ];
    for (const subject of forbidden) {
      expect([subject, await refusalOf(alice, subject)]).toEqual([
        subject,
        expect.stringMatching(/Permissions Violation/i),
      ]);
    }
  });

  it("cannot have its direct get answer with another agent's state, whatever it asks for", async () => {
    const subject = desiredStateDirectGet(organizationId, alice.agentId);
    const bobs = `$KV.${DESIRED_STATE_BUCKET}.${desiredStateKey(organizationId, bob.agentId)}`;
    const requests = [
      { last_by_subj: bobs },
      { seq: 1 },
      { seq: 2 },
      { seq: 3 },
      { next_by_subj: '>', seq: 1 },
      { multi_last: ['>'] },
    ];
    for (const request of requests) {
      const answer = await get(alice, subject, JSON.stringify(request), 1_000).catch(
        (error: unknown) => error,
      );
      if (answer instanceof Error) continue;
      expect((answer as Msg).string()).not.toContain(bob.agentId);
      expect((answer as Msg).string()).not.toContain(stranger.agentId);
    }
  });

  it("cannot listen to another agent, to another's inbox, or to everybody", async () => {
    const forbidden = [
      subjects.nudge(organizationId, bob.agentId),
      subjects.agentSubscribe(organizationId, bob.agentId),
      subjects.agentPublish(organizationId, bob.agentId),
      subjects.agentPublish(organizationId, alice.agentId),
      `lh.${organizationId}.*.down.>`,
      `lh.*.${alice.agentId}.down.>`,
      subjects.all.telemetry,
      `${subjects.inboxPrefix(bob.agentId)}.>`,
      '_INBOX.>',
      '_INBOX_*.>',
      `$KV.${DESIRED_STATE_BUCKET}.>`,
      '$JS.EVENT.>',
      '$SYS.>',
      '*.>',
      '>',
    ];
    for (const subject of forbidden) {
      const subscription: Subscription = alice.connection.subscribe(subject, { callback: () => undefined });
      const outcome = await Promise.race([
        subscription.closed.then((error) => String(error)),
        alice.connection.flush().then(() => 'taken'),
      ]);
      expect([subject, outcome]).toEqual([subject, expect.stringMatching(/Permissions Violation/i)]);
    }
  });

  it('cannot be used without its key', async () => {
    const { jwtAuthenticator, connect } = await import('@nats-io/transport-node');
    const { AgentCredentials } = await import('./agent-credentials.js');
    const { jwt } = await new AgentCredentials(nats.state.nats).issue(bob);
    await expect(
      connect({
        servers: [nats.server.url],
        authenticator: jwtAuthenticator(jwt, new TextEncoder().encode(alice.seed)),
        tls: { ca: nats.state.caPem },
        reconnect: false,
      }),
    ).rejects.toThrow(/authorization violation/i);
  });

  it('that is pending may say hello, be told to wait, and nothing more', async () => {
    const pending = await connectTestAgent(nats, { organizationId, agentId: randomUUID(), state: 'pending' });
    expect(await refusalOf(pending, subjects.hello(organizationId, pending.agentId))).toBeUndefined();
    for (const subject of [
      subjects.applied(organizationId, pending.agentId),
      subjects.flowTelemetry(organizationId, pending.agentId),
      desiredStateDirectGet(organizationId, pending.agentId),
    ]) {
      expect(await refusalOf(pending, subject)).toMatch(/Permissions Violation/i);
    }
    await pending.connection.close();
  });

  it('is told over TLS only', async () => {
    const { jwtAuthenticator, connect } = await import('@nats-io/transport-node');
    await expect(
      connect({
        servers: [nats.server.url],
        authenticator: jwtAuthenticator('x', new TextEncoder().encode(alice.seed)),
        tls: {},
        reconnect: false,
      }),
    ).rejects.toThrow(/certificate|self.signed/i);
  });
});
