import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { FlowRecord } from '@longhaul/contracts';
import { DEFAULT_MEMORY_BYTES, type DataPlaneState, type HandedOverPeer } from '@longhaul/edge';
import { fallbackNotice, features } from '@longhaul/native';
import type { Logger } from 'pino';
import { DataPlaneThreads } from './data-plane/data-plane-threads.js';
import { dataPlaneWorkers } from './data-plane/worker-count.js';
import { AgentError, messageOf } from './errors.js';
import { AgentMetrics } from './metrics/agent-metrics.js';
import { MetricsServer, type MetricsAddress } from './metrics/metrics-server.js';
import { PathMemoryFile } from './path-memory-file.js';
import { resolveEndpoints } from './resolve-endpoints.js';
import type { StateSource, WantedState } from './state-source.js';
import { RateWindow, type AgentReport, type TunnelReport } from './status/report.js';
import { defaultStatusSocket, StatusServer } from './status/status-socket.js';
import { AGENT_VERSION } from './version.js';

/** How often names among the peers' endpoints are looked up anew. */
const RESOLVE_INTERVAL_MS = 60_000;
const PATHS_FILE = 'paths.json';

export interface RunOptions {
  /** For the status socket, the nftables table and the log. */
  readonly name: string;
  readonly source: StateSource;
  readonly log: Logger;
  /** Path of the status socket; by default below /run/longhaul. */
  readonly statusSocket?: string;
  /** Where Prometheus asks for metrics; by default nowhere. */
  readonly metricsListen?: MetricsAddress;
  /** Where what tunnels learn of their paths is kept from one run to the next; by default it is not. */
  readonly stateDir?: string;
  /** Slab for datagrams and streams, of all workers together. */
  readonly memoryBytes?: number;
  /** Threads of the data plane, 1 to 32; by default as fits the machine, see {@link dataPlaneWorkers}. */
  readonly dataPlaneWorkers?: number;
  /** Peers that the source will ever name, where that is known: by default there are no more workers than those. */
  readonly peers?: number;
  /** Where another process may take over from this one, or this one from another. */
  readonly handover?: HandoverOptions;
}

export interface HandoverOptions {
  /** Which of two processes that follow each other this is: the other has the other number. */
  readonly half: 0 | 1;
  /** What the process before has handed over; undefined: there is none. */
  readonly predecessor?: HandedOverAgent;
  /** A source in place of one that was closed, for a process that goes on after all. */
  readonly reopenSource: () => Promise<StateSource>;
}

/** What a process hands over to the one that takes over from it. */
export interface HandedOverAgent {
  readonly half: 0 | 1;
  readonly workers: number;
  /** The tunnels that are up. */
  readonly peers: readonly HandedOverPeer[];
}

/** A running agent: the data plane in its thread, and the source of its states. */
export class Agent {
  private readonly dataPlane: DataPlaneThreads;
  private readonly rates = new RateWindow();
  private readonly startedAtMs = Date.now();
  private readonly peerNames = new Map<string, string>();
  private readonly metrics: AgentMetrics;
  private statusServer: StatusServer | undefined;
  private metricsServer: MetricsServer | undefined;
  /** The state that is in force. */
  private wanted: WantedState | undefined;
  /** One after the other: what renews a state must not come after the next one. */
  private applying: Promise<unknown> = Promise.resolve();
  private resolveTimer: NodeJS.Timeout | undefined;
  private source: StateSource;
  /** Whether this process speaks for the agent: to the controller, to people, and in its files. */
  private leads = false;
  private releasing: Promise<void> = Promise.resolve();
  private readonly upPeers = new Set<string>();
  private readonly handedOver: ReadonlyMap<string, HandedOverPeer>;
  private endWith: (error: Error) => void = () => undefined;
  /** Rejects when the data plane has failed; the process should end then. */
  readonly failed: Promise<never>;

  private constructor(
    private readonly options: RunOptions,
    private readonly paths: PathMemoryFile | undefined,
    workers: number,
  ) {
    this.failed = new Promise((_, reject) => (this.endWith = reject));
    this.failed.catch(() => undefined);
    const { log, handover } = options;
    this.source = options.source;
    this.handedOver = new Map(handover?.predecessor?.peers.map((peer) => [peer.peerId, peer]));
    this.metrics = new AgentMetrics({
      name: options.name,
      latest: () => this.rates.latest,
      peerName: (peerId) => this.nameOf(peerId),
      telemetry: () => this.source.telemetry?.statistics,
    });
    this.dataPlane = new DataPlaneThreads(
      {
        workers,
        memoryBytes: options.memoryBytes,
        tableName: tableName(options.name, handover?.half ?? 0),
        handover: handover && { half: handover.half, workersBefore: handover.predecessor?.workers },
      },
      {
        snapshot: (snapshot) => {
          this.rates.add(snapshot.statistics);
          this.metrics.observe(snapshot);
          if (this.leads) this.paths?.observe(snapshot.statistics.links, snapshot.statistics.atMs);
          this.source.measured?.(snapshot);
        },
        tunnelUp: (peerId) => {
          this.upPeers.add(peerId);
          log.info({ peer: this.nameOf(peerId) }, 'tunnel up');
        },
        tunnelDown: (peerId, reason) => {
          this.upPeers.delete(peerId);
          log.warn({ peer: this.nameOf(peerId), reason }, 'tunnel down');
        },
        interceptionLost: (reason) => {
          log.error({ reason }, 'connections are not intercepted any more');
        },
        failed: (error) => {
          this.endWith(error);
        },
      },
    );
  }

  /**
   * Resolves when the source's first state is in force. A process that takes over from another is then as good as that one but for
   * {@link takeOver}.
   *
   * @throws AgentError
   */
  static async start(options: RunOptions): Promise<Agent> {
    const { stateDir, log } = options;
    const paths =
      stateDir === undefined ? undefined : await PathMemoryFile.open(join(stateDir, PATHS_FILE), log);
    const workers = workersOf(options);
    if (workers.notice !== undefined) log.warn(workers.notice);
    const agent = new Agent(options, paths, workers.count);
    try {
      if (options.handover?.predecessor === undefined) await agent.lead();
      else await options.source.prepare?.((state) => agent.apply(state));
    } catch (error) {
      await agent.stop().catch(() => undefined);
      throw error;
    }
    const fallback = fallbackNotice();
    if (fallback !== undefined) {
      log.warn(fallback, 'the native addon is not in use: the agent is slower, and does without some things');
    }
    agent.resolveTimer = setInterval(() => void agent.resolveAgain(), RESOLVE_INTERVAL_MS);
    const dataPlaneWorkers = workers.count;
    log.info(
      { name: options.name, version: AGENT_VERSION, pid: process.pid, dataPlaneWorkers },
      'agent runs',
    );
    return agent;
  }

  /** Speaks for the agent from now on. */
  private async lead(): Promise<void> {
    const { options } = this;
    this.statusServer = await StatusServer.listen(
      options.statusSocket ?? defaultStatusSocket(options.name),
      () => this.report(),
    );
    if (options.metricsListen !== undefined) {
      this.metricsServer = await MetricsServer.listen(options.metricsListen, this.metrics.registry);
    }
    this.leads = true;
    await this.source.start((state) => this.apply(state));
  }

  // One process that takes over from another

  /** Another process takes over: what is open here goes on, and new connections are taken as they come. */
  async handOver(): Promise<HandedOverAgent> {
    await this.paths?.save();
    const peers = await this.dataPlane.handOver();
    return { half: this.options.handover?.half ?? 0, workers: this.dataPlane.workers, peers };
  }

  /** Does not speak for the agent any more, so that another process may. */
  release(): Promise<void> {
    this.leads = false;
    this.releasing = this.releaseNow();
    return this.releasing;
  }

  private async releaseNow(): Promise<void> {
    await this.source.stop();
    await this.source.close?.();
    this.metricsServer?.close();
    await this.statusServer?.close();
    this.metricsServer = undefined;
    this.statusServer = undefined;
  }

  /** The process that was to take over is no more: this one speaks for the agent again and gets what is new. */
  async takeBack(): Promise<void> {
    await this.dataPlane.takeBack();
    // The other one may have ended in the middle of that, and what is not let go of yet is in the way.
    await this.releasing.catch(() => undefined);
    if (this.leads || this.options.handover === undefined) return;
    this.source = await this.options.handover.reopenSource();
    await this.lead();
  }

  /** Whether the tunnels are up that the process before had up. */
  get hasTunnelsOfPredecessor(): boolean {
    return this.options.handover?.predecessor?.peers.every(({ peerId }) => this.upPeers.has(peerId)) ?? true;
  }

  /** Whether its code is compiled: before, transfers are slower. */
  get rehearsed(): boolean {
    return this.dataPlane.rehearsed;
  }

  /** Whether it is in touch with whom it has its states from. */
  get connected(): boolean {
    return this.source.connected ?? true;
  }

  /** What is new comes to this process, and it speaks for the agent. The one before has released that. */
  async takeOver(): Promise<void> {
    await this.dataPlane.takeOver();
    await this.lead();
  }

  /** Intercepted connections go to the other process. */
  async stopRedirecting(): Promise<void> {
    await this.dataPlane.stopRedirecting();
  }

  /** The process before has ended. */
  async predecessorEnded(): Promise<void> {
    await this.dataPlane.predecessorEnded();
  }

  /** Takes no connection any more. Those that are open go on. */
  async stopListening(): Promise<void> {
    await this.dataPlane.stopListening();
  }

  /** Connections that are open, as of the last half second. */
  get activeFlows(): number {
    return this.rates.latest?.activeFlows ?? 0;
  }

  /** Tells what connections of another process of the agent have moved. */
  relayFlows(records: readonly FlowRecord[]): void {
    this.source.relayFlows?.(records);
  }

  private apply(state: WantedState): Promise<void> {
    return this.inTurn(() => this.applyNow(state));
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.applying.then(work);
    this.applying = turn.catch(() => undefined);
    return turn;
  }

  private async applyNow(state: WantedState): Promise<void> {
    await this.dataPlane.apply(await this.resolve(state));
    this.wanted = state;
    this.peerNames.clear();
    for (const { id, name } of state.peers) this.peerNames.set(id, name);
    const { peers, rules, forwards } = state;
    const counts = { peers: peers.length, rules: rules.length, forwards: forwards.length };
    this.options.log.info(counts, 'state in force');
  }

  private async resolve(wanted: WantedState): Promise<DataPlaneState> {
    const peers = wanted.peers.map((peer) => {
      const before = this.handedOver.get(peer.id);
      // A peer that cannot be reached from here has found the process before.
      const endpoints =
        peer.endpoints.length === 0 && before !== undefined ? [before.endpoint] : peer.endpoints;
      return { ...peer, endpoints, remembered: this.paths?.of(peer.id), predecessor: before?.incarnation };
    });
    return resolveEndpoints({ ...wanted, peers }, (endpoint, error) => {
      this.options.log.warn(`the endpoint ${endpoint} cannot be resolved: ${messageOf(error)}`);
    });
  }

  /**
   * A peer's name may have come to mean another address. Not where another process speaks for the agent: to put its state in force
   * anew, one that takes no connections any more would listen again.
   */
  private async resolveAgain(): Promise<void> {
    const { wanted } = this;
    const hasNames = wanted?.peers.some(({ endpoints }) =>
      endpoints.some((endpoint) => /[g-zG-Z]/.test(endpoint)),
    );
    if (wanted === undefined || hasNames !== true || !this.leads) return;
    try {
      const state = await this.resolve(wanted);
      await this.inTurn(async () => {
        if (this.wanted === wanted && this.leads) await this.dataPlane.apply(state);
      });
    } catch (error) {
      this.options.log.warn(`the peers' endpoints cannot be renewed: ${messageOf(error)}`);
    }
  }

  private nameOf(peerId: string): string {
    return this.peerNames.get(peerId) ?? peerId;
  }

  report(): AgentReport {
    const { latest } = this.rates;
    return {
      name: this.options.name,
      version: AGENT_VERSION,
      pid: process.pid,
      startedAtMs: this.startedAtMs,
      rehearsed: this.dataPlane.rehearsed,
      source: this.source.describe(),
      tunnelPort: latest?.tunnelPort ?? 0,
      interception: this.dataPlane.interception,
      dataPlaneWorkers: this.dataPlane.workers,
      activeFlows: latest?.activeFlows ?? 0,
      udp: latest?.udp ?? { packetsSent: 0, packetsReceived: 0, sendErrors: 0, misdirected: 0 },
      tunnels: this.tunnels(),
    };
  }

  /** In the order of the state. */
  private tunnels(): TunnelReport[] {
    const order = new Map([...this.peerNames.keys()].map((peerId, index) => [peerId, index]));
    const rank = ({ peerId }: TunnelReport): number => order.get(peerId) ?? order.size;
    return this.rates.tunnels((peerId) => this.nameOf(peerId)).sort((a, b) => rank(a) - rank(b));
  }

  /** Resets what is open, says goodbye to the peers, and gives everything back. */
  async stop(): Promise<void> {
    clearInterval(this.resolveTimer);
    await this.source.stop();
    await this.dataPlane.close();
    await this.source.close?.();
    if (this.leads) await this.paths?.save();
    this.metricsServer?.close();
    await this.statusServer?.close();
  }
}

/** Resolves with the first signal that asks the process to end. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}

/** Runs an agent until SIGTERM or SIGINT. @throws AgentError when it cannot start, or its data plane has failed */
export async function runAgent(options: RunOptions): Promise<void> {
  const stopRequest = stopSignal();
  const agent = await Agent.start(options);
  try {
    const signal = await Promise.race([stopRequest, agent.failed]);
    options.log.info({ signal }, 'agent stops');
  } catch (error) {
    throw new AgentError(`the data plane has failed: ${messageOf(error)}`);
  }
  await agent.stop();
}

function workersOf({ dataPlaneWorkers: wanted, peers = Infinity, memoryBytes, handover }: RunOptions) {
  // As many as the process before, so that the kernel's numbers of their sockets agree.
  if (handover?.predecessor !== undefined) return { count: handover.predecessor.workers, notice: undefined };
  return dataPlaneWorkers({
    wanted,
    peers,
    cores: availableParallelism(),
    memoryBytes: memoryBytes ?? DEFAULT_MEMORY_BYTES,
    steering: features.steering,
  });
}

/** nftables takes letters, digits and underscores. Two processes of an agent that follow each other each have their own. */
function tableName(agentName: string, half: 0 | 1): string {
  return `longhaul_${agentName.replaceAll(/[^A-Za-z0-9]/g, '_')}${half === 0 ? '' : '_b'}`;
}
