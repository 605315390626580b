import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort } from '@longhaul/embedded-services';
import { ControllerClient } from './controller-client.js';
import { eventually } from './eventually.js';
import type { TestDatabase } from './test-database.js';
import type { TestNats } from './test-nats.js';

/** Built by `npm run build`; a replica is a process of its own, to be killed. */
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface ReplicaOptions {
  readonly database: TestDatabase;
  readonly nats: TestNats;
  readonly environment?: Readonly<Record<string, string>>;
}

/** A controller of several, as a process. */
export class Replica {
  private output = '';

  private constructor(
    readonly process: ChildProcess,
    readonly port: number,
    readonly client: ControllerClient,
  ) {
    process.stdout?.on('data', (chunk: Buffer) => {
      this.output += chunk.toString();
    });
  }

  /** Resolves when it is ready. */
  static async start({ database, nats, environment = {} }: ReplicaOptions): Promise<Replica> {
    const port = await freePort('127.0.0.1');
    const child = spawn(process.execPath, [MAIN], {
      env: {
        PATH: process.env['PATH'],
        LONGHAUL_STATE_DIR: nats.stateDir,
        DATABASE_URL: database.server.appUrl,
        DATABASE_OWNER_URL: database.server.ownerUrl,
        DATABASE_WORKER_URL: database.server.workerUrl,
        NATS_URL: nats.server.url,
        LONGHAUL_NATS_ALLOW_OLD: 'true',
        LONGHAUL_LISTEN: `127.0.0.1:${String(port)}`,
        LONGHAUL_LOG_LEVEL: 'error',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const replica = new Replica(child, port, new ControllerClient(port, nats.state.caPem));
    await eventually(() => replica.isReady()).catch(async (error: unknown) => {
      await replica.kill();
      throw error;
    });
    return replica;
  }

  /** What the first start of all said. */
  get firstPassword(): string | undefined {
    return /with the password (\S+)/.exec(this.output)?.[1];
  }

  get isRunning(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  async isReady(): Promise<boolean> {
    return (await this.client.ask('/readyz', { timeout: 2_000 })).status === 200;
  }

  /** As a crash would be. */
  kill(): Promise<unknown> {
    return this.end('SIGKILL');
  }

  /** @returns its exit code; null if a signal ended it */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.isRunning) {
      const ended = once(this.process, 'exit');
      this.process.kill(signal);
      await ended;
    }
    return this.process.exitCode;
  }
}
