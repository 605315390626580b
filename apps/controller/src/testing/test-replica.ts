import { request } from 'node:https';
import { join } from 'node:path';
import { freePort } from '@longhaul/embedded-services';
import { loadSettings } from '../config/settings.js';
import { startController, type RunningController } from '../start.js';
import type { Answer, Client, Data } from './test-api.js';
import type { TestDatabase } from './test-database.js';
import type { TestNats } from './test-nats.js';

const EMAIL = 'owner@example.com';
const PASSWORD = 'correct horse battery';

/** A whole controller, one of several over the same database and nats-server. */
export class TestReplica {
  private constructor(
    private readonly controller: RunningController,
    readonly port: number,
    private readonly caPem: string,
  ) {}

  static async start(database: TestDatabase, nats: TestNats): Promise<TestReplica> {
    const port = await freePort();
    const settings = loadSettings({
      LONGHAUL_STATE_DIR: join(nats.state.caFile, '..'),
      DATABASE_URL: database.server.appUrl,
      DATABASE_OWNER_URL: database.server.ownerUrl,
      DATABASE_WORKER_URL: database.server.workerUrl,
      DATABASE_CONNECTIONS: '4',
      NATS_URL: nats.server.url,
      LONGHAUL_NATS_ALLOW_OLD: 'true',
      LONGHAUL_LISTEN: `127.0.0.1:${String(port)}`,
      LONGHAUL_DRAIN_SECONDS: '0',
      LONGHAUL_ADMIN_EMAIL: EMAIL,
      LONGHAUL_ADMIN_PASSWORD: PASSWORD,
      LONGHAUL_LOG_LEVEL: 'silent',
    });
    return new TestReplica(await startController(settings, () => undefined), port, nats.state.caPem);
  }

  /** Its own, as a browser names it. */
  get origin(): string {
    return `https://127.0.0.1:${String(this.port)}`;
  }

  stop(): Promise<void> {
    return this.controller.stop();
  }

  /** The cookie of the first owner, in a session of its own. */
  async signIn(): Promise<string> {
    const query = 'mutation ($e: String!, $p: String!) { signIn(email: $e, password: $p) { id } }';
    const { cookie = '' } = await this.ask({}, query, { e: EMAIL, p: PASSWORD });
    return cookie.split(';')[0] ?? '';
  }

  as(headers: Record<string, string>): Client {
    return (query, variables) => this.ask(headers, query, variables);
  }

  private ask(headers: Record<string, string>, query: string, variables: Data = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const call = request(
        {
          host: '127.0.0.1',
          port: this.port,
          path: '/graphql',
          method: 'POST',
          ca: this.caPem,
          headers: { 'content-type': 'application/json', ...headers },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part: string) => (text += part));
          response.on('end', () => {
            const { data, errors } = JSON.parse(text) as Pick<Answer, 'data' | 'errors'>;
            resolve({ data, errors, cookie: response.headers['set-cookie']?.[0] });
          });
        },
      );
      call.on('error', reject);
      call.end(JSON.stringify({ query, variables }));
    });
  }
}
