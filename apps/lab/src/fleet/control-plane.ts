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
  /** More of the controller's environment. */
  readonly controllerSettings?: Readonly<Record<string, string>>;
  /** Arguments of the controller's Node.js, such as `--cpu-prof`. */
  readonly controllerNodeArguments?: readonly string[];
  /** Of the embedded PostgreSQL, such as `{ shared_buffers: '256MB' }`. */
  readonly postgresSettings?: Readonly<Record<string, string>>;
  /** How far the controller stands back for others that want the CPU, 0 to 19; 10 unless given. */
  readonly controllerNiceness?: number;
  readonly progress?: (text: string) => void;
}

/** The lab has everything on one machine: what a controller needs to start is not to be taken from the agents. */
const CONTROLLER_NICENESS = 10;

/** As in `deploy/`: of what a busy controller makes nearly nothing lives on, and there is much of it. */
const CONTROLLER_NODE_ARGUMENTS = ['--max-semi-space-size=64'];

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
    private readonly program: ControllerProgram,
    private controller: BoundProcess,
  ) {}

  /** Resolves when the controller is ready. Rejects with one line that says what is wrong. */
  static async start(options: ControlPlaneOptions): Promise<ControlPlane> {
    const { stateDir, managementAddress, external = {}, progress = () => undefined } = options;
    const { controllerSettings = {}, controllerNodeArguments = [], postgresSettings } = options;
    mkdirSync(stateDir, { recursive: true, mode: 0o755 });
    const port = await choosePort('the controller', '127.0.0.1', options.port);
    const controllerDir = controllerStateDir(stateDir);
    const prepared = await prepare(controllerDir, managementAddress);
    let postgres: RunningPostgres | undefined;
    let nats: RunningNats | undefined;
    try {
      if (external.database === undefined) {
        progress('PostgreSQL');
        postgres = await startPostgres({ dataDir: join(stateDir, 'postgres'), settings: postgresSettings });
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
        ...controllerSettings,
      };
      const program = {
        environment,
        logFile: join(stateDir, 'controller.log'),
        nodeArguments: [...CONTROLLER_NODE_ARGUMENTS, ...controllerNodeArguments],
        niceness: options.controllerNiceness ?? CONTROLLER_NICENESS,
      };
      const plane = new ControlPlane(
        `https://127.0.0.1:${port}`,
        `https://${managementAddress}:${port}`,
        readFileSync(prepared.caFile, 'utf8'),
        prepared.caSha256,
        admin,
        postgres,
        nats,
        program,
        await launch(program),
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
    this.controller = await launch(this.program);
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
      if (Date.now() > deadline) throw new Error(`the controller is not ready: see ${this.program.logFile}`);
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

/** How the controller is started, at first and again. */
interface ControllerProgram {
  readonly environment: NodeJS.ProcessEnv;
  readonly logFile: string;
  readonly nodeArguments: readonly string[];
  readonly niceness: number;
}

const launch = ({
  environment,
  logFile,
  nodeArguments,
  niceness,
}: ControllerProgram): Promise<BoundProcess> =>
  BoundProcess.start({
    command: 'nice',
    args: ['-n', String(niceness), process.execPath, ...nodeArguments, CONTROLLER],
    logFile,
    deathSignal: 'TERM',
    env: environment,
  });

/** Where a control plane with this state folder keeps CA, certificates and NATS keys. */
export const controllerStateDir = (stateDir: string): string => join(stateDir, 'controller');

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
