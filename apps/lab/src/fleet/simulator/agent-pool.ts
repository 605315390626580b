import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type {
  AgentCredentialMessage,
  AgentKeys,
  AgentOutcome,
  AgentReport,
  AgentRequest,
  AgentSeat,
  AgentSurroundings,
  LoadState,
} from './agent-messages.js';
import { endGently } from '../../transports/child.js';

const PROGRAM = fileURLToPath(new URL('agent-process.js', import.meta.url));
/** Of one process: its file descriptors and its event loop bear some thousand connections. */
const AGENTS_PER_PROCESS = 2_500;

/** Thousands of agents leave much behind, of which little lives on; several collectors at once would take what is measured its CPU. */
const NODE_ARGUMENTS = ['--max-semi-space-size=64', '--single-threaded-gc'];

/** One process and its share of the agents. */
class AgentProcess {
  readonly child: ChildProcess;
  connected = 0;
  load: LoadState | undefined;

  constructor(
    readonly seats: readonly AgentSeat[],
    onReport: (report: AgentReport) => void,
    onEnd: (message: string) => void,
  ) {
    this.child = fork(PROGRAM, { execArgv: NODE_ARGUMENTS, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.child.on('message', (report: AgentReport) => {
      if (report.kind === 'connected') this.connected = report.connected;
      if (report.kind === 'load') this.load = report.state;
      onReport(report);
    });
    this.child.on('error', (error) => onEnd(error.message));
    this.child.on('exit', (code, signal) => {
      onEnd(`a process of simulated agents ended with ${signal ?? String(code)}`);
    });
  }

  ask(request: AgentRequest): void {
    this.child.send(request);
  }
}

/** All simulated agents, spread over processes. One that fails fails what is waited for. */
export class AgentPool {
  private readonly processes: AgentProcess[] = [];
  private readonly listeners = new Set<(report: AgentReport) => void>();
  private fault: string | undefined;
  private stopping = false;

  constructor(private readonly seats: readonly AgentSeat[]) {
    for (let from = 0; from < seats.length; from += AGENTS_PER_PROCESS) {
      this.processes.push(
        new AgentProcess(
          seats.slice(from, from + AGENTS_PER_PROCESS),
          (report) => this.hear(report),
          (message) => this.fail(message),
        ),
      );
    }
  }

  get pids(): number[] {
    return this.processes.flatMap(({ child }) => child.pid ?? []);
  }

  /** Has every agent make its keys. */
  async makeKeys(surroundings: AgentSurroundings): Promise<AgentKeys[]> {
    const keys: AgentKeys[] = [];
    await this.until(
      () => keys.length === this.seats.length,
      (report) => {
        if (report.kind === 'made') keys.push(...report.keys);
      },
      () => {
        for (const each of this.processes) each.ask({ kind: 'make', surroundings, seats: each.seats });
      },
    );
    return keys.sort((a, b) => a.number - b.number);
  }

  /** Resolves when all agents are connected. @param credentials in the order of the seats */
  connect(
    credentials: readonly AgentCredentialMessage[],
    progress: (connected: number) => void,
  ): Promise<void> {
    return this.until(
      () => this.connected === this.seats.length,
      (report) => {
        if (report.kind === 'connected') progress(this.connected);
      },
      () => {
        let from = 0;
        for (const each of this.processes) {
          each.ask({ kind: 'connect', credentials: credentials.slice(from, (from += each.seats.length)) });
        }
      },
    );
  }

  private get connected(): number {
    return this.processes.reduce((sum, { connected }) => sum + connected, 0);
  }

  /** Calls `listener` with what agents say of desired states; returns how to stop that. */
  onOutcomes(listener: (outcomes: readonly AgentOutcome[]) => void): () => void {
    const heard = (report: AgentReport): void => {
      if (report.kind === 'outcomes') listener(report.outcomes);
    };
    this.listeners.add(heard);
    return () => this.listeners.delete(heard);
  }

  /**
   * Has every agent record connections for so many seconds; resolves when the stream has acknowledged everything.
   *
   * @param connections of each agent at once, and `peers` whom it names, in the order of the seats
   */
  async carryLoad(
    { seconds, connections, peers }: { seconds: number; connections: number[]; peers: AgentSeat[] },
    progress: (state: LoadState) => void,
  ): Promise<LoadState> {
    await this.until(
      () => this.processes.every(({ load }) => load?.complete === true && load.waiting === 0),
      () => progress(this.loadState),
      () => {
        let from = 0;
        for (const each of this.processes) {
          const until = from + each.seats.length;
          each.load = undefined;
          each.ask({
            kind: 'load',
            seconds,
            connections: connections.slice(from, until),
            peers: peers.slice(from, until),
          });
          from = until;
        }
      },
    );
    return this.loadState;
  }

  private get loadState(): LoadState {
    const sum = (of: (state: LoadState) => number): number =>
      this.processes.reduce((total, { load }) => total + (load === undefined ? 0 : of(load)), 0);
    return {
      records: sum(({ records }) => records),
      bytes: sum(({ bytes }) => bytes),
      waiting: sum(({ waiting }) => waiting),
      dropped: sum(({ dropped }) => dropped),
      complete: this.processes.every(({ load }) => load?.complete === true),
    };
  }

  /** Ends all processes, by force where one does not heed it. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.processes.map(({ child }) => endGently(child)));
  }

  private hear(report: AgentReport): void {
    if (report.kind === 'failed') this.fail(report.message);
    for (const listener of [...this.listeners]) listener(report);
  }

  private fail(message: string): void {
    if (this.stopping) return;
    this.fault ??= message;
    for (const listener of [...this.listeners]) listener({ kind: 'failed', message });
  }

  /** Begins something, and resolves once `reached` after some report. */
  private until(
    reached: () => boolean,
    onReport: (report: AgentReport) => void,
    begin: () => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (end: () => void): void => {
        this.listeners.delete(heard);
        end();
      };
      const heard = (report: AgentReport): void => {
        if (this.fault !== undefined) {
          settle(() => reject(new Error(this.fault)));
          return;
        }
        onReport(report);
        if (reached()) settle(resolve);
      };
      this.listeners.add(heard);
      if (this.fault === undefined) begin();
      else settle(() => reject(new Error(this.fault)));
    });
  }
}
