import {
  BoundProcess,
  choosePort,
  type RunningNats,
  type RunningPostgres,
  startNats,
  startPostgres,
} from '@longhaul/embedded-services';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';

const CONTROLLER = fileURLToPath(new URL('../../../controller/dist/main.js', import.meta.url));
const BOOTSTRAP = fileURLToPath(new URL('../../../controller/dist/bootstrap/main.js', import.meta.url));
const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 100;
const STOP_GRACE_MS = 10_000;
/** The same at each start: agents that enrolled keep the address. */
const NATS_PORT = 4222;
const ADMIN_EMAIL = 'admin@longhaul.local';

/** Databases and messaging that somebody else runs, instead of embedded ones. */
export interface ExternalServices {
  readonly database?: { readonly appUrl: string; readonly ownerUrl: string; readonly workerUrl: string };
  readonly natsUrl?: string;
}

export interface ControlPlaneOptions {
  /** Keeps everything that outlives a run: database, messages, certificates, the first account's password. */
  readonly stateDir: string;
  /** Where agents reach controller and nats-server; people reach the controller on loopback besides. */
  readonly managementAddress: string;
  /** HTTPS port of the controller; a free one unless given. */
  readonly port?: number;
  readonly external?: ExternalServices;
  readonly progress?: (text: string) => void;
}

export interface Account {
  readonly email: string;
  readonly password: string;
}

const preparedSchema = z.object({ caFile: z.string(), caSha256: z.string(), natsConfigFile: z.string() });
type Prepared = z.infer<typeof preparedSchema>;

/** PostgreSQL, nats-server and a controller, each a process of its own that ends with this one. */
export class ControlPlane {
  private constructor(
    readonly url: string,
    /** Where agents reach the controller. */
    readonly agentUrl: string,
    readonly caPem: string,
    readonly caSha256: string,
    readonly admin: Account,
    /** Undefined where it is external. */
    readonly postgres: RunningPostgres | undefined,
    readonly nats: RunningNats | undefined,
    private readonly environment: NodeJS.ProcessEnv,
    private readonly logFile: string,
    private controller: BoundProcess,
  ) {}

  /** Resolves when the controller is ready. Rejects with one line that says what is wrong. */
  static async start(options: ControlPlaneOptions): Promise<ControlPlane> {
    const { stateDir, managementAddress, external = {}, progress = () => undefined } = options;
    mkdirSync(stateDir, { recursive: true, mode: 0o755 });
    const port = await choosePort('the controller', '127.0.0.1', options.port);
    const controllerDir = join(stateDir, 'controller');
    const prepared = await prepare(controllerDir, managementAddress);
    let postgres: RunningPostgres | undefined;
    let nats: RunningNats | undefined;
    try {
      if (external.database === undefined) {
        progress('PostgreSQL');
        postgres = await startPostgres({ dataDir: join(stateDir, 'postgres') });
      }
      if (external.natsUrl === undefined) {
        progress('nats-server');
        nats = await startNats({
          stateDir: join(stateDir, 'nats'),
          config: prepared.natsConfigFile,
          host: managementAddress,
          port: NATS_PORT,
        });
      }
      progress('controller');
      const admin = { email: ADMIN_EMAIL, password: adminPassword(stateDir) };
      const natsUrl = external.natsUrl ?? nats?.url ?? '';
      const database = external.database ?? postgres;
      const environment: NodeJS.ProcessEnv = {
        PATH: process.env.PATH,
        LONGHAUL_STATE_DIR: controllerDir,
        DATABASE_URL: database?.appUrl,
        DATABASE_OWNER_URL: database?.ownerUrl,
        DATABASE_WORKER_URL: database?.workerUrl,
        NATS_URL: natsUrl,
        // The embedded server is Debian's own.
        LONGHAUL_NATS_ALLOW_OLD: nats === undefined ? 'false' : 'true',
        LONGHAUL_NATS_PUBLIC_URLS: natsUrl,
        LONGHAUL_LISTEN: `127.0.0.1:${port},${managementAddress}:${port}`,
        LONGHAUL_PUBLIC_URL: `https://127.0.0.1:${port}`,
        LONGHAUL_ADMIN_EMAIL: admin.email,
        LONGHAUL_ADMIN_PASSWORD: admin.password,
        LONGHAUL_ORGANIZATION: 'Longhaul Lab',
        // No balancer is in front.
        LONGHAUL_DRAIN_SECONDS: '0',
      };
      const logFile = join(stateDir, 'controller.log');
      const plane = new ControlPlane(
        `https://127.0.0.1:${port}`,
        `https://${managementAddress}:${port}`,
        readFileSync(prepared.caFile, 'utf8'),
        prepared.caSha256,
        admin,
        postgres,
        nats,
        environment,
        logFile,
        await launch(environment, logFile),
      );
      await plane.ready();
      return plane;
    } catch (error) {
      await nats?.stop();
      await postgres?.stop();
      throw error;
    }
  }

  get controllerPid(): number {
    return this.controller.pid;
  }

  /** SIGKILL to the controller, as a crash would be. */
  killController(): Promise<void> {
    return this.controller.kill();
  }

  /** Starts the controller again; resolves when it is ready. */
  async restartController(): Promise<void> {
    await this.controller.kill();
    this.controller = await launch(this.environment, this.logFile);
    await this.ready();
  }

  async stop(): Promise<void> {
    await this.controller.stop(['SIGTERM'], STOP_GRACE_MS);
    await this.nats?.stop();
    await this.postgres?.stop();
  }

  private async ready(): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (!(await this.answers())) {
      if (!this.controller.running) throw new Error(`the controller ended: ${this.controller.logTail()}`);
      if (Date.now() > deadline) throw new Error(`the controller is not ready: see ${this.logFile}`);
      await sleep(READY_POLL_MS);
    }
  }

  private answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const probe = request(new URL('/readyz', this.url), { ca: this.caPem, timeout: 2000 }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
      probe.on('timeout', () => probe.destroy());
      probe.on('error', () => resolve(false));
      probe.end();
    });
  }
}

const launch = (environment: NodeJS.ProcessEnv, logFile: string): Promise<BoundProcess> =>
  BoundProcess.start({
    // The lab has everything on one machine: what a controller needs to start is not to be taken from the agents.
    command: 'nice',
    args: ['-n', '10', process.execPath, CONTROLLER],
    logFile,
    deathSignal: 'TERM',
    env: environment,
  });

async function prepare(stateDir: string, managementAddress: string): Promise<Prepared> {
  const args = [BOOTSTRAP, '--state-dir', stateDir, '--host', managementAddress];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return preparedSchema.parse(JSON.parse(stdout));
}

/** Made once for each state folder, so that a later start can print it again. */
function adminPassword(stateDir: string): string {
  const file = join(stateDir, 'admin-password');
  if (!existsSync(file)) writeFileSync(file, randomBytes(15).toString('base64url'), { mode: 0o600 });
  return readFileSync(file, 'utf8');
}
