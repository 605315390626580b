import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DESIRED_STATE_BUCKET,
  desiredStateDirectGet,
  desiredStateKey,
  subjects,
  TELEMETRY_STREAM,
  type DesiredState,
} from '@longhaul/contracts';
import { startNats, type RunningNats } from '@longhaul/embedded-services';
import { jetstreamManager, type JetStreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import {
  createAccount,
  createOperator,
  createUser,
  encodeAccount,
  encodeOperator,
  encodeUser,
} from '@nats-io/jwt';
import { Kvm, type KV } from '@nats-io/kv';
import { connect, jwtAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import type { TestCa } from './certificates.js';
import { eventually } from './eventually.js';

const UNLIMITED = {
  subs: -1,
  data: -1,
  payload: -1,
  imports: -1,
  exports: -1,
  conn: -1,
  leaf: -1,
  mem_storage: -1,
  disk_storage: -1,
  streams: -1,
  consumer: -1,
  wildcards: true,
};

type KeyPair = ReturnType<typeof createAccount>;

/** A real nats-server with decentralised JWTs and TLS, and the controller's side of it. */
export class TestNats {
  private revocations: Record<string, number> = {};

  private constructor(
    readonly server: RunningNats,
    readonly connection: NatsConnection,
    readonly jetstream: JetStreamManager,
    private readonly system: NatsConnection,
    private readonly bucket: KV,
    private readonly operator: KeyPair,
    private readonly account: KeyPair,
  ) {}

  static async start(dir: string, ca: TestCa): Promise<TestNats> {
    await mkdir(dir, { recursive: true });
    const [operator, systemAccount, account] = [createOperator(), createAccount(), createAccount()];
    const config = await writeConfig(dir, ca, operator, systemAccount, account);
    const server = await startNats({ stateDir: dir, config });
    const system = await trusted(server, ca, systemAccount);
    const connection = await trusted(server, ca, account);
    const jetstream = await jetstreamManager(connection);
    await jetstream.streams.add({
      name: TELEMETRY_STREAM,
      subjects: [subjects.all.telemetry],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
    });
    const bucket = await new Kvm(connection).create(DESIRED_STATE_BUCKET, { history: 1, allow_direct: true });
    return new TestNats(server, connection, jetstream, system, bucket, operator, account);
  }

  get urls(): string[] {
    return [`tls://127.0.0.1:${this.server.port}`];
  }

  /** What the controller gives an approved agent: its own subjects and nothing else. */
  async agentJwt(
    organizationId: string,
    agentId: string,
    userKey: string,
    lifeSeconds = 3600,
  ): Promise<string> {
    return encodeUser(
      agentId,
      userKey,
      this.account,
      {
        pub: {
          allow: [
            subjects.agentPublish(organizationId, agentId),
            desiredStateDirectGet(organizationId, agentId),
          ],
        },
        sub: {
          allow: [subjects.agentSubscribe(organizationId, agentId), `${subjects.inboxPrefix(agentId)}.>`],
        },
      },
      { exp: Math.floor(Date.now() / 1000) + lifeSeconds },
    );
  }

  /** What it gives one that waits: hello, and to be told. */
  async pendingJwt(organizationId: string, agentId: string, userKey: string): Promise<string> {
    const pub = { allow: [subjects.hello(organizationId, agentId)] };
    const sub = { allow: [subjects.agentSubscribe(organizationId, agentId)] };
    return encodeUser(
      agentId,
      userKey,
      this.account,
      { pub, sub },
      { exp: Math.floor(Date.now() / 1000) + 3600 },
    );
  }

  /** Ends the live connections of a user, and refuses new ones with JWTs issued until now. */
  async revoke(userKey: string): Promise<void> {
    this.revocations[userKey] = Math.floor(Date.now() / 1000);
    await this.updateAccount();
  }

  /** Takes JWTs of a user again. */
  async pardon(userKey: string): Promise<void> {
    this.revocations = Object.fromEntries(
      Object.entries(this.revocations).filter(([key]) => key !== userKey),
    );
    await this.updateAccount();
  }

  async putState(state: DesiredState, nudge = true): Promise<void> {
    await this.putDocument(state.organizationId, state.agentId, JSON.stringify(state), nudge);
  }

  async putDocument(organizationId: string, agentId: string, document: string, nudge = true): Promise<void> {
    const key = desiredStateKey(organizationId, agentId);
    // Right after a restart of the server this connection may not be back yet.
    await eventually('the state is stored', () => this.bucket.put(key, document).catch(() => undefined));
    if (nudge) this.connection.publish(subjects.nudge(organizationId, agentId));
  }

  /** Sends what the controller would. */
  say(subject: string, body: unknown): void {
    this.connection.publish(subject, JSON.stringify(body));
  }

  /** Every message of a subject, parsed, from now on. */
  listen(subject: string): unknown[] {
    const heard: unknown[] = [];
    this.connection.subscribe(subject, { callback: (_, message) => void heard.push(message.json()) });
    return heard;
  }

  /** The telemetry stream's messages, in order. */
  async telemetry(): Promise<{ subject: string; body: unknown }[]> {
    // Right after a restart of the server this connection may not be back yet.
    const { state } = await eventually('the stream', () =>
      this.jetstream.streams.info(TELEMETRY_STREAM).catch(() => undefined),
    );
    const messages: { subject: string; body: unknown }[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await this.jetstream.streams.getMessage(TELEMETRY_STREAM, { seq });
      if (message !== null) messages.push({ subject: message.subject, body: message.json() });
    }
    return messages;
  }

  async stop(): Promise<void> {
    await Promise.all([this.connection.close(), this.system.close()]);
    await this.server.stop();
  }

  private async updateAccount(): Promise<void> {
    const jwt = await encodeAccount(
      'agents',
      this.account,
      { limits: UNLIMITED, revocations: this.revocations },
      { signer: this.operator },
    );
    await this.system.request('$SYS.REQ.CLAIMS.UPDATE', jwt);
  }
}

async function writeConfig(
  dir: string,
  ca: TestCa,
  operator: KeyPair,
  systemAccount: KeyPair,
  account: KeyPair,
): Promise<string> {
  const { cert, key } = await ca.issue(['127.0.0.1', 'localhost']);
  await writeFile(join(dir, 'server.crt'), cert);
  await writeFile(join(dir, 'server.key'), key, { mode: 0o600 });
  const systemKey = systemAccount.getPublicKey();
  const operatorJwt = await encodeOperator('test', operator, { system_account: systemKey });
  const systemJwt = await encodeAccount(
    'SYS',
    systemAccount,
    { limits: { ...UNLIMITED, mem_storage: 0, disk_storage: 0 } },
    { signer: operator },
  );
  const accountJwt = await encodeAccount('agents', account, { limits: UNLIMITED }, { signer: operator });
  const config = join(dir, 'nats.conf');
  await writeFile(
    config,
    `operator: ${operatorJwt}
system_account: ${systemKey}
resolver { type: full, dir: "${join(dir, 'accounts')}" }
resolver_preload { ${systemKey}: ${systemJwt}, ${account.getPublicKey()}: ${accountJwt} }
jetstream { store_dir: "${join(dir, 'jetstream')}" }
tls { cert_file: "${join(dir, 'server.crt')}", key_file: "${join(dir, 'server.key')}" }
`,
  );
  return config;
}

/** A connection that may do everything in its account, and reconnects for ever. */
async function trusted(server: RunningNats, ca: TestCa, account: KeyPair): Promise<NatsConnection> {
  const user = createUser();
  return connect({
    servers: [`tls://127.0.0.1:${server.port}`],
    authenticator: jwtAuthenticator(await encodeUser('trusted', user, account), user.getSeed()),
    tls: { ca: ca.pem },
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    reconnectJitter: 10,
    reconnectJitterTLS: 10,
  });
}
