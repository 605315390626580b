import { execFile } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { BoundProcess, type ProcessExit, type RunAs } from '../bound-process.js';
import { ServiceError } from '../errors.js';
import { installDir } from '../install-dir.js';
import { choosePort } from '../ports.js';
import { awaitPredecessor } from '../predecessor.js';
import { assertEnterable, postgresAccount } from './account.js';
import { installPostgres } from './binaries.js';
import { loadPasswords, ROLES, type Passwords, type RoleKey } from './credentials.js';
import { DATABASE, provision } from './provision.js';

const run = promisify(execFile);

const HOST = '127.0.0.1';
/** Long enough for crash recovery of a busy database. */
const START_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 30;
const STOP_GRACE_MS = 8_000;
const PREDECESSOR_GRACE_MS = 10_000;
/** A kill -9 leaves backends that hold the shared memory for a moment; the new server has to wait for them. */
const SHARED_MEMORY_ATTEMPTS = 50;
const SHARED_MEMORY_RETRY_MS = 100;
/** Linux: sizeof(sockaddr_un.sun_path) less the terminator and `/.s.PGSQL.65535`. */
const MAX_SOCKET_DIR_LENGTH = 107 - '/.s.PGSQL.65535'.length;

export interface PostgresOptions {
  /** Made if missing. Holds the cluster (`data`), the socket folder, the log, and the passwords (0600). */
  readonly dataDir: string;
  /** TCP port on 127.0.0.1; a free one when not given. */
  readonly port?: number | undefined;
  /** Where programs are copied to; /var/lib/longhaul unless given. */
  readonly installDir?: string | undefined;
  /** Server settings, e.g. `{ shared_buffers: '256MB' }`. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

/** A PostgreSQL that runs. The URLs stay valid over {@link RunningPostgres.restart}. */
export interface RunningPostgres {
  readonly port: number;
  readonly socketDir: string;
  readonly superuserUrl: string;
  readonly ownerUrl: string;
  readonly appUrl: string;
  readonly workerUrl: string;
  /** Of the postmaster that runs now, or ran last. */
  readonly pid: number;
  readonly running: boolean;
  /** Resolves when the postmaster that runs now has ended. */
  readonly exited: Promise<ProcessExit>;
  /** Fast shutdown: running transactions are rolled back. */
  stop(): Promise<void>;
  /** SIGKILL to the postmaster, as a crash would be. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data, after it was stopped or killed (or stops it first). */
  restart(): Promise<void>;
}

interface Cluster {
  readonly binDir: string;
  readonly dataDir: string;
  readonly socketDir: string;
  readonly logFile: string;
  readonly port: number;
  readonly runAs: RunAs | undefined;
  readonly passwords: Passwords;
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * Starts a real PostgreSQL as a child process on 127.0.0.1 and a UNIX socket, with the database `longhaul` and its
 * roles; makes the cluster on the first call. As root it runs as the user `postgres`. It ends when this process does.
 *
 * @throws ServiceError
 */
export const startPostgres = async (options: PostgresOptions): Promise<RunningPostgres> => {
  const runAs = await postgresAccount();
  const socketDir = join(options.dataDir, 'socket');
  assertSocketDirFits(socketDir);
  mkdirSync(options.dataDir, { recursive: true, mode: 0o755 });
  if (runAs) assertEnterable(options.dataDir);
  const dataDir = join(options.dataDir, 'data');
  await assertUnused(dataDir);
  const cluster: Cluster = {
    binDir: await installPostgres(installDir(options.installDir)),
    dataDir,
    socketDir,
    logFile: join(options.dataDir, 'postgres.log'),
    port: await choosePort('PostgreSQL', HOST, options.port),
    runAs,
    passwords: loadPasswords(join(options.dataDir, 'passwords.json')),
    settings: options.settings ?? {},
  };
  makeOwnDir(socketDir, runAs);
  if (!existsSync(dataDir)) await initialize(cluster);
  const process = await launch(cluster);
  await provision(urlOf(cluster, 'superuser', 'postgres'), cluster.passwords);
  return new PostgresHandle(cluster, process);
};

class PostgresHandle implements RunningPostgres {
  constructor(
    private readonly cluster: Cluster,
    private process: BoundProcess,
  ) {}

  get port(): number {
    return this.cluster.port;
  }
  get socketDir(): string {
    return this.cluster.socketDir;
  }
  get superuserUrl(): string {
    return urlOf(this.cluster, 'superuser', DATABASE);
  }
  get ownerUrl(): string {
    return urlOf(this.cluster, 'owner', DATABASE);
  }
  get appUrl(): string {
    return urlOf(this.cluster, 'app', DATABASE);
  }
  get workerUrl(): string {
    return urlOf(this.cluster, 'worker', DATABASE);
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
    await this.process.stop(['SIGINT', 'SIGQUIT'], STOP_GRACE_MS);
  }

  async kill(): Promise<void> {
    await this.process.kill();
  }

  async restart(): Promise<void> {
    await this.stop();
    this.process = await launch(this.cluster);
  }
}

const urlOf = ({ port, passwords }: Cluster, role: RoleKey, database: string): string =>
  `postgresql://${ROLES[role]}:${encodeURIComponent(passwords[role])}@${HOST}:${String(port)}/${database}`;

const assertSocketDirFits = (socketDir: string): void => {
  if (Buffer.byteLength(socketDir) <= MAX_SOCKET_DIR_LENGTH) return;
  throw new ServiceError(
    'DATA_DIR_UNUSABLE',
    `The path ${socketDir} is too long for a UNIX socket: choose a data folder with a shorter path.`,
  );
};

const assertUnused = async (dataDir: string): Promise<void> => {
  const pidFile = join(dataDir, 'postmaster.pid');
  const pid = await awaitPredecessor(pidFile, 'postgres', PREDECESSOR_GRACE_MS);
  if (pid !== undefined) {
    throw new ServiceError(
      'DATA_DIR_IN_USE',
      `Another PostgreSQL (process ${String(pid)}) uses ${dataDir}. Stop it first: kill ${String(pid)}`,
    );
  }
  // Its pid may since belong to some other program of the same user, which PostgreSQL would take for a live server.
  rmSync(pidFile, { force: true });
};

const makeOwnDir = (path: string, runAs: RunAs | undefined): void => {
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o700);
  if (runAs) chownSync(path, runAs.uid, runAs.gid);
};

/** Makes the cluster beside its place and renames it, so that a start that was cut short leaves none. */
const initialize = async (cluster: Cluster): Promise<void> => {
  const scratch = `${cluster.dataDir}.new`;
  rmSync(scratch, { recursive: true, force: true });
  makeOwnDir(scratch, cluster.runAs);
  const passwordFile = join(cluster.socketDir, 'initdb-password');
  writeFileSync(passwordFile, cluster.passwords.superuser, { mode: 0o600 });
  if (cluster.runAs) chownSync(passwordFile, cluster.runAs.uid, cluster.runAs.gid);
  try {
    await run(join(cluster.binDir, 'initdb'), initdbArguments(scratch, passwordFile), {
      cwd: '/',
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
      ...(cluster.runAs ?? {}),
    });
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() ?? String(error);
    throw new ServiceError('START_FAILED', `PostgreSQL's initdb failed: ${said}`, { cause: error });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(scratch, cluster.dataDir);
};

const initdbArguments = (dataDir: string, passwordFile: string): string[] => [
  `--pgdata=${dataDir}`,
  `--username=${ROLES.superuser}`,
  `--pwfile=${passwordFile}`,
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
];

const serverArguments = ({ dataDir, socketDir, port, settings }: Cluster): string[] =>
  Object.entries({
    listen_addresses: HOST,
    unix_socket_directories: socketDir,
    unix_socket_permissions: '0700',
    port: String(port),
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] %u ',
    ...settings,
  }).reduce<string[]>((list, [name, value]) => [...list, '-c', `${name}=${value}`], ['-D', dataDir]);

/** Starts the postmaster and waits until it answers; waits out backends that a killed predecessor left. */
const launch = async (cluster: Cluster): Promise<BoundProcess> => {
  for (let attempt = 1; ; attempt += 1) {
    const server = await BoundProcess.start({
      command: join(cluster.binDir, 'postgres'),
      args: serverArguments(cluster),
      logFile: cluster.logFile,
      deathSignal: 'INT',
      runAs: cluster.runAs,
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    });
    server.unref();
    if (await becomesReady(cluster, server)) return server;
    const tail = server.logTail();
    if (
      !/pre-existing shared memory block|Address already in use/.test(tail) ||
      attempt >= SHARED_MEMORY_ATTEMPTS
    ) {
      await server.kill();
      throw new ServiceError(
        'START_FAILED',
        `PostgreSQL did not start; ${cluster.logFile} ends with:\n${tail}`,
      );
    }
    await sleep(SHARED_MEMORY_RETRY_MS);
  }
};

/** False if the server ended, or did not answer in time. */
const becomesReady = async (cluster: Cluster, server: BoundProcess): Promise<boolean> => {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (server.running && Date.now() < deadline) {
    if (await answers(urlOf(cluster, 'superuser', 'postgres'))) return true;
    await sleep(READY_POLL_MS);
  }
  return false;
};

const answers = async (connectionString: string): Promise<boolean> => {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
};
