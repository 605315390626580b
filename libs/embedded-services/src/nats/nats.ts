import { mkdirSync, readFileSync, rmSync, unwatchFile, watchFile, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BoundProcess, type ProcessExit } from '../bound-process.js';
import { ServiceError } from '../errors.js';
import { installDir } from '../install-dir.js';
import { choosePort } from '../ports.js';
import { awaitPredecessor } from '../predecessor.js';
import { findNatsServer } from './binary.js';

/** Recovery of a JetStream store can take a while after a crash. */
const START_TIMEOUT_MS = 30_000;
const READY_POLL_MS = 20;
const STOP_GRACE_MS = 5_000;
const PREDECESSOR_GRACE_MS = 5_000;
/** How soon a renewed certificate is noticed, in milliseconds. */
const CERTIFICATE_POLL_MS = 60_000;

export interface NatsOptions {
  /** Holds the log and the pid file. */
  readonly stateDir: string;
  /** Path of a nats-server configuration. */
  readonly config: string;
  /** Address to listen on; 127.0.0.1 unless given. */
  readonly host?: string | undefined;
  /** TCP port for clients; a free one when not given. */
  readonly port?: number | undefined;
  /** Where the program is unpacked to; /var/lib/longhaul unless given. */
  readonly installDir?: string | undefined;
}

/** A nats-server that runs. Port and URL stay valid over {@link RunningNats.restart}. */
export interface RunningNats {
  readonly port: number;
  readonly url: string;
  /** Of the server that runs now, or ran last. */
  readonly pid: number;
  readonly running: boolean;
  /** Resolves when the server that runs now has ended. */
  readonly exited: Promise<ProcessExit>;
  stop(): Promise<void>;
  /** SIGKILL, as a crash would be. */
  kill(): Promise<void>;
  /** Starts it again on the same port and store, after it was stopped or killed (or stops it first). */
  restart(): Promise<void>;
  /** Has it read its configuration and its certificate again; a renewed certificate does that by itself. */
  reload(): void;
}

interface Server {
  readonly program: string;
  readonly config: string;
  readonly host: string;
  readonly port: number;
  readonly logFile: string;
  readonly pidFile: string;
}

/**
 * Starts a real nats-server as a child process. It ends when this process does.
 *
 * @throws ServiceError
 */
export const startNats = async (options: NatsOptions): Promise<RunningNats> => {
  mkdirSync(options.stateDir, { recursive: true, mode: 0o700 });
  const host = options.host ?? '127.0.0.1';
  const pidFile = join(options.stateDir, 'nats-server.pid');
  await assertUnused(pidFile, options.stateDir);
  const server: Server = {
    program: await findNatsServer(installDir(options.installDir)),
    config: options.config,
    host,
    port: await choosePort('nats-server', host, options.port),
    logFile: join(options.stateDir, 'nats-server.log'),
    pidFile,
  };
  return new NatsHandle(server, await launch(server));
};

class NatsHandle implements RunningNats {
  private readonly certificate: string | undefined;

  constructor(
    private readonly server: Server,
    private process: BoundProcess,
  ) {
    this.certificate = certificateOf(server.config);
    this.watchCertificate();
  }

  get port(): number {
    return this.server.port;
  }
  get url(): string {
    return `nats://${this.server.host}:${String(this.server.port)}`;
  }
  get pid(): number {
    return this.process.pid;
  }
  get running(): boolean {
    return this.process.running;
  }
  get exited(): Promise<ProcessExit> {
    return this.process.exited;
  }

  async stop(): Promise<void> {
    if (this.certificate !== undefined) unwatchFile(this.certificate, this.onCertificate);
    await this.process.stop(['SIGTERM'], STOP_GRACE_MS);
    rmSync(this.server.pidFile, { force: true });
  }

  async kill(): Promise<void> {
    await this.process.kill();
  }

  async restart(): Promise<void> {
    await this.stop();
    this.process = await launch(this.server);
    this.watchCertificate();
  }

  reload(): void {
    this.process.signal('SIGHUP');
  }

  private readonly onCertificate = (): void => {
    this.reload();
  };

  private watchCertificate(): void {
    if (this.certificate === undefined) return;
    watchFile(this.certificate, { interval: CERTIFICATE_POLL_MS, persistent: false }, this.onCertificate);
  }
}

/** The certificate that a configuration names, if it does. */
const certificateOf = (config: string): string | undefined =>
  /^\s*cert_file:\s*"([^"]+)"/m.exec(readFileSync(config, 'utf8'))?.[1];

const assertUnused = async (pidFile: string, stateDir: string): Promise<void> => {
  const pid = await awaitPredecessor(pidFile, 'nats-server', PREDECESSOR_GRACE_MS);
  if (pid === undefined) return;
  throw new ServiceError(
    'DATA_DIR_IN_USE',
    `Another nats-server (process ${String(pid)}) uses ${stateDir}. Stop it first: kill ${String(pid)}`,
  );
};

const launch = async (server: Server): Promise<BoundProcess> => {
  const child = await BoundProcess.start({
    command: server.program,
    args: ['--config', server.config, '--addr', server.host, '--port', String(server.port)],
    logFile: server.logFile,
    deathSignal: 'TERM',
  });
  child.unref();
  writeFileSync(server.pidFile, `${String(child.pid)}\n`, { mode: 0o600 });
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (child.running && Date.now() < deadline) {
    if (await greets(server)) return child;
    await sleep(READY_POLL_MS);
  }
  await child.kill();
  throw new ServiceError(
    'START_FAILED',
    `nats-server did not start; ${server.logFile} ends with:\n${child.logTail()}`,
  );
};

/** True if the server says INFO, which it does once it serves clients. */
const greets = ({ host, port }: Server): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const settle = (ready: boolean): void => {
      socket.destroy();
      resolve(ready);
    };
    socket.once('data', (data) => {
      settle(data.toString('latin1').startsWith('INFO '));
    });
    socket.once('timeout', () => {
      settle(false);
    });
    socket.once('error', () => {
      settle(false);
    });
    socket.once('close', () => {
      settle(false);
    });
  });
