import { randomBytes, randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { GraphQLSchema } from 'graphql';
import { ONLINE_AGENTS } from '../agents/online.js';
import { ApiModule } from '../api.module.js';
import { SESSION_COOKIE } from '../auth/credentials.js';
import { hashPassword } from '../auth/password.js';
import { SessionsService } from '../auth/sessions.service.js';
import { CHANGE_FEED } from '../changes/change.js';
import { CONTROLLER_STATE } from '../bootstrap/controller-state.module.js';
import { ConfigModule } from '../config/config.module.js';
import { loadSettings } from '../config/settings.js';
import { DatabaseModule } from '../database/database.module.js';
import type { Role } from '../generated/prisma/enums.js';
import { UpgradeAdapter } from '../live/upgrade-adapter.js';
import { DesiredStateCompiler } from '../policy/desired-state-compiler.js';
import { SubscriptionsModule } from '../subscriptions/subscriptions.module.js';
import { subscribeOnce } from './subscribe-once.js';
import { startTestDatabase, type TestDatabase } from './test-database.js';

@Global()
@Module({
  providers: [
    { provide: CONTROLLER_STATE, useValue: { sessionSecret: 'of-this-test', caSha256: 'ab'.repeat(32) } },
    { provide: ONLINE_AGENTS, useValue: { isOnline: () => false } },
    { provide: CHANGE_FEED, useValue: { listen: () => () => undefined } },
  ],
  exports: [CONTROLLER_STATE, ONLINE_AGENTS, CHANGE_FEED],
})
class Surroundings {}

@Module({})
class TestModule {
  static over({ server }: TestDatabase, environment: Record<string, string>): DynamicModule {
    const settings = loadSettings({
      DATABASE_URL: server.appUrl,
      DATABASE_OWNER_URL: server.ownerUrl,
      DATABASE_WORKER_URL: server.workerUrl,
      DATABASE_CONNECTIONS: '4',
      NATS_URL: 'nats://127.0.0.1:1',
      LONGHAUL_PUBLIC_URL: 'https://controller.example:8443',
      ...environment,
    });
    return {
      module: TestModule,
      imports: [ConfigModule.with(settings), DatabaseModule, Surroundings, ApiModule, SubscriptionsModule],
    };
  }
}

/** `data` of an answer, loosely typed: each test knows what it asked for. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Data = any;

export interface Answer {
  readonly data: Data;
  readonly errors:
    readonly { message: string; path?: unknown; extensions: Record<string, unknown> }[] | undefined;
  readonly cookie: string | undefined;
}

/** Asks the API as somebody. */
export type Client = (query: string, variables?: Record<string, unknown>) => Promise<Answer>;

export interface Member {
  readonly id: string;
  readonly email: string;
  readonly password: string;
}

/** The API over HTTP with a database of its own. */
export class TestApi {
  private constructor(
    readonly database: TestDatabase,
    private readonly app: NestExpressApplication,
    readonly origin: string,
    private readonly passwordHash: string,
  ) {}

  /**
   * @param settings of the database
   * @param environment of the controller, besides what every test needs
   */
  static async start(
    settings: Record<string, string> = {},
    environment: Record<string, string> = {},
  ): Promise<TestApi> {
    const database = await startTestDatabase(settings);
    const app = await NestFactory.create<NestExpressApplication>(TestModule.over(database, environment), {
      logger: ['fatal'],
      abortOnError: false,
    });
    app.useWebSocketAdapter(new UpgradeAdapter(app));
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    return new TestApi(database, app, `http://127.0.0.1:${String(port)}`, await hashPassword(PASSWORD));
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.database.stop();
  }

  /** As it was built from the classes. */
  get schema(): GraphQLSchema {
    return this.app.get(GraphQLSchemaHost, { strict: false }).schema;
  }

  /** Sends a request with these headers; a subscription over a WebSocket, which is ended when it is known whether it is served. */
  async ask(
    headers: Record<string, string>,
    query: string,
    variables: Record<string, unknown> = {},
  ): Promise<Answer> {
    if (query.startsWith('subscription')) {
      const refusal = await subscribeOnce(this.origin, headers, query, variables);
      return { data: undefined, errors: refusal, cookie: undefined };
    }
    const response = await fetch(`${this.origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as Pick<Answer, 'data' | 'errors'>;
    return { data, errors, cookie: response.headers.get('set-cookie') ?? undefined };
  }

  readonly anonymous: Client = (query, variables) => this.ask({}, query, variables);

  withToken(token: string): Client {
    return (query, variables) => this.ask({ authorization: `Bearer ${token}` }, query, variables);
  }

  /** An organization of its own for each test. */
  async createOrganization(): Promise<string> {
    const id = randomUUID();
    await this.database.tenants.transaction(id, (tx) =>
      tx.organization.create({ data: { id, name: 'Test' } }),
    );
    return id;
  }

  /** Lets its owners make other organizations. */
  async makeProvider(organizationId: string): Promise<void> {
    await this.database.worker.prisma.organization.update({
      where: { id: organizationId },
      data: { isProvider: true },
      select: { id: true },
    });
  }

  async createMember(organizationId: string, role: Role): Promise<Member> {
    const email = `${role.toLowerCase()}-${randomBytes(4).toString('hex')}@example.com`;
    return this.database.tenants.transaction(organizationId, async (tx) => {
      const { id } = await tx.user.create({
        data: { organizationId, email, passwordHash: this.passwordHash },
      });
      await tx.membership.create({
        data: { organizationId, userOrganizationId: organizationId, userId: id, role },
      });
      return { id, email, password: PASSWORD };
    });
  }

  /** Somebody of one organization as a viewer of another. */
  async addMembership(organizationId: string, userOrganizationId: string, userId: string): Promise<void> {
    await this.database.tenants.transaction(organizationId, (tx) =>
      tx.membership.create({ data: { organizationId, userOrganizationId, userId, role: 'VIEWER' } }),
    );
  }

  /** A member who has signed in. */
  async signIn(organizationId: string, role: Role): Promise<Client> {
    return this.openSession(await this.createMember(organizationId, role));
  }

  /** Somebody's session, without the slow check of a password. */
  async openSession({ email }: Member): Promise<Client> {
    const user = await this.database.tenants.scoped({ signInEmail: email }, (tx) =>
      tx.user.findUniqueOrThrow({ where: { email } }),
    );
    const { token } = await this.app
      .get(SessionsService, { strict: false })
      .open(user, { origin: '127.0.0.1' });
    return (query, variables) => this.ask({ cookie: `${SESSION_COOKIE}=${token}` }, query, variables);
  }

  /** An agent as enrolment would make it. */
  async enrollAgent(
    organizationId: string,
    siteId: string,
    { state = 'APPROVED', hostname = 'edge' }: { state?: 'PENDING' | 'APPROVED'; hostname?: string } = {},
  ): Promise<string> {
    const compiler = new DesiredStateCompiler();
    return this.database.worker.transaction(async (tx) => {
      const { id } = await tx.agent.create({
        data: {
          organizationId,
          siteId,
          hostname,
          labels: [],
          state,
          version: '0.1.0',
          natsPublicKey: `U${randomBytes(32).toString('hex').slice(0, 55).toUpperCase()}`,
          tunnelPublicKey: randomBytes(32).toString('base64'),
          tunnelPort: 4500,
          endpoints: ['198.51.100.7:4500'],
        },
      });
      await compiler.recompile(tx, organizationId);
      return id;
    });
  }
}

const PASSWORD = 'correct horse battery staple';

export const SIGN_IN = `mutation ($email: String!, $password: String!) {
  signIn(email: $email, password: $password) { id email role organization { id name } }
}`;

/** The code of an answer's only error. */
export const codeOf = ({ errors }: Answer): unknown =>
  errors?.length === 1 ? errors[0]?.extensions['code'] : errors;
