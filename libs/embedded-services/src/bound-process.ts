import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceError } from './errors.js';

/** A log that has grown beyond this at a start is put aside as `<name>.1`. */
const LOG_ROTATE_BYTES = 16 * 1024 * 1024;
/** How much of the log an error message quotes. */
const LOG_TAIL_LINES = 8;

/** A numeric user to run a program as. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

export interface BoundProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  /** Sent by the kernel when this process dies in any way: `INT`, `TERM` or `KILL`. */
  readonly deathSignal: 'INT' | 'TERM' | 'KILL';
  readonly runAs?: RunAs | undefined;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** How a process ended. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * A child process that the kernel ends when its parent dies, even by SIGKILL (PR_SET_PDEATHSIG through setpriv).
 * It has a session of its own, so that Ctrl-C in a terminal reaches the supervisor alone.
 */
export class BoundProcess {
  readonly pid: number;
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<ProcessExit>;
  private exit: ProcessExit | undefined;

  private constructor(
    private readonly child: ChildProcess,
    pid: number,
    private readonly logFile: string,
    private readonly logOffset: number,
  ) {
    this.pid = pid;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.exit = { code, signal };
        resolve(this.exit);
      });
    });
    child.on('error', () => undefined);
  }

  /** @throws ServiceError `TOOL_MISSING` without setpriv, `START_FAILED` if the program cannot be executed */
  static async start(options: BoundProcessOptions): Promise<BoundProcess> {
    const logOffset = prepareLog(options.logFile);
    const log = openSync(options.logFile, 'a', 0o600);
    try {
      const child = spawn('setpriv', setprivArguments(options), {
        stdio: ['ignore', log, log],
        detached: true,
        env: options.env ?? process.env,
        cwd: options.cwd ?? '/',
      });
      const pid = await spawned(child);
      return new BoundProcess(child, pid, options.logFile, logOffset);
    } finally {
      closeSync(log);
    }
  }

  get running(): boolean {
    return this.exit === undefined;
  }

  signal(name: NodeJS.Signals): void {
    if (this.running) this.child.kill(name);
  }

  /** Kills the process outright and waits until it is gone. */
  async kill(): Promise<void> {
    // Whoever waits for the end has to be there when it comes.
    this.child.ref();
    this.signal('SIGKILL');
    await this.exited;
  }

  /** Asks with each signal in turn, a grace period apart, then kills; resolves when the process is gone. */
  async stop(signals: readonly NodeJS.Signals[], graceMs: number): Promise<void> {
    this.child.ref();
    for (const name of signals) {
      this.signal(name);
      if (await this.endsWithin(graceMs)) return;
    }
    await this.kill();
  }

  /** Does not keep the supervisor's event loop alive. */
  unref(): void {
    this.child.unref();
  }

  /** The last lines that the process has logged since its start. */
  logTail(): string {
    const text = readFileSync(this.logFile).subarray(this.logOffset).toString('utf8');
    return text.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
  }

  private async endsWithin(milliseconds: number): Promise<boolean> {
    const abort = new AbortController();
    const timer = sleep(milliseconds, undefined, { signal: abort.signal }).catch(() => undefined);
    await Promise.race([this.exited, timer]);
    abort.abort();
    return !this.running;
  }
}

const setprivArguments = ({ command, args, deathSignal, runAs }: BoundProcessOptions): string[] => [
  ...(runAs
    ? ['--reuid', String(runAs.uid), '--regid', String(runAs.gid), '--clear-groups', '--inh-caps=-all']
    : []),
  '--pdeathsig',
  deathSignal,
  '--',
  command,
  ...args,
];

const spawned = (child: ChildProcess): Promise<number> =>
  new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'ENOENT'
          ? new ServiceError('TOOL_MISSING', 'setpriv is missing: apt-get install util-linux', {
              cause: error,
            })
          : new ServiceError('START_FAILED', `cannot start setpriv: ${error.message}`, { cause: error }),
      );
    });
    child.once('spawn', () => {
      if (child.pid !== undefined) resolve(child.pid);
    });
  });

/** Puts an outgrown log aside; returns the size of the log that is appended to. */
const prepareLog = (logFile: string): number => {
  mkdirSync(dirname(logFile), { recursive: true });
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (size < LOG_ROTATE_BYTES) return size;
  rmSync(`${logFile}.1`, { force: true });
  renameSync(logFile, `${logFile}.1`);
  return 0;
};
