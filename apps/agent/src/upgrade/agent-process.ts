import { fork, type ChildProcess } from 'node:child_process';
import type { FromProcess, Task, ToProcess } from './process-messages.js';

type Done = Extract<FromProcess, { kind: 'done' }>;

/** A process that was asked to end and does not is killed after so long: it may be resetting ten thousand connections. */
const STOP_GRACE_MS = 15_000;

interface Pending {
  readonly resolve: (done: Done) => void;
  readonly reject: (error: Error) => void;
}

/** A process of the agent, seen from the supervisor. */
export class AgentProcess {
  /** Resolves with how it ended, for a person to read. */
  readonly ended: Promise<string>;
  /** How it ended; undefined: it runs. */
  outcome: string | undefined;
  private readonly child: ChildProcess;
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;

  /**
   * @param version for the log and for people
   * @param entry the program
   */
  constructor(
    readonly version: string,
    entry: string,
    args: readonly string[],
    onMessage: (message: Exclude<FromProcess, Done>) => void,
  ) {
    this.child = fork(entry, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [] });
    this.child.on('message', (message: FromProcess) => {
      if (message.kind === 'done') this.settle(message);
      else onMessage(message);
    });
    this.ended = new Promise((resolve) => {
      const end = (outcome: string): void => {
        this.outcome ??= outcome;
        for (const { reject } of this.pending.values()) reject(new Error(`version ${version} ${outcome}`));
        this.pending.clear();
        resolve(outcome);
      };
      this.child.on('error', (error) => {
        end(`cannot be started: ${error.message}`);
      });
      this.child.on('exit', (code, signal) => {
        end(signal === null ? `ended with code ${code}` : `was ended by ${signal}`);
      });
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Resolves when the task is done. Rejects with the reason when it failed, or the process has ended. */
  do(task: Task): Promise<Done> {
    if (this.outcome !== undefined)
      return Promise.reject(new Error(`version ${this.version} ${this.outcome}`));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.send({ kind: 'task', id, task });
    });
  }

  send(message: ToProcess): void {
    // What is sent to a process that is about to end is lost, which its end tells.
    if (this.child.connected) this.child.send(message, () => undefined);
  }

  /** Asks it to end, and resolves when it has. */
  async stop(graceMs = STOP_GRACE_MS): Promise<void> {
    if (this.outcome !== undefined) return;
    this.child.kill('SIGTERM');
    const kill = setTimeout(() => this.child.kill('SIGKILL'), graceMs);
    await this.ended;
    clearTimeout(kill);
  }

  private settle(done: Done): void {
    const pending = this.pending.get(done.id);
    this.pending.delete(done.id);
    if (done.error === undefined) pending?.resolve(done);
    else pending?.reject(new Error(done.error));
  }
}
