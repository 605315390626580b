import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_MEMORY_BYTES, type DataPlaneState } from '@longhaul/edge';
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
  private wanted: WantedState | undefined;
  private resolveTimer: NodeJS.Timeout | undefined;
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
    const { log, source } = options;
    this.metrics = new AgentMetrics({
      name: options.name,
      latest: () => this.rates.latest,
      peerName: (peerId) => this.nameOf(peerId),
      telemetry: () => source.telemetry?.statistics,
    });
    this.dataPlane = new DataPlaneThreads(
      { workers, memoryBytes: options.memoryBytes, tableName: tableName(options.name) },
      {
        snapshot: (snapshot) => {
          this.rates.add(snapshot.statistics);
          this.metrics.observe(snapshot);
          this.paths?.observe(snapshot.statistics.links, snapshot.statistics.atMs);
          options.source.measured?.(snapshot);
        },
        tunnelUp: (peerId) => {
          log.info({ peer: this.nameOf(peerId) }, 'tunnel up');
        },
        tunnelDown: (peerId, reason) => {
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

  /** Resolves when the source's first state is in force. @throws AgentError */
  static async start(options: RunOptions): Promise<Agent> {
    const { stateDir, log } = options;
    const paths =
      stateDir === undefined ? undefined : await PathMemoryFile.open(join(stateDir, PATHS_FILE), log);
    const workers = workersOf(options);
    if (workers.notice !== undefined) log.warn(workers.notice);
    const agent = new Agent(options, paths, workers.count);
    try {
      agent.statusServer = await StatusServer.listen(
        options.statusSocket ?? defaultStatusSocket(options.name),
        () => agent.report(),
      );
      if (options.metricsListen !== undefined) {
        agent.metricsServer = await MetricsServer.listen(options.metricsListen, agent.metrics.registry);
      }
      await options.source.start((state) => agent.apply(state));
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

  private async apply(state: WantedState): Promise<void> {
    await this.dataPlane.apply(await this.resolve(state));
    this.wanted = state;
    this.peerNames.clear();
    for (const { id, name } of state.peers) this.peerNames.set(id, name);
    const { peers, rules, forwards } = state;
    const counts = { peers: peers.length, rules: rules.length, forwards: forwards.length };
    this.options.log.info(counts, 'state in force');
  }

  private async resolve(wanted: WantedState): Promise<DataPlaneState> {
    const state = await resolveEndpoints(wanted, (endpoint, error) => {
      this.options.log.warn(`the endpoint ${endpoint} cannot be resolved: ${messageOf(error)}`);
    });
    const peers = state.peers.map((peer) => ({ ...peer, remembered: this.paths?.of(peer.id) }));
    return { ...state, peers };
  }

  /** A peer's name may have come to mean another address. */
  private async resolveAgain(): Promise<void> {
    const { wanted } = this;
    const hasNames = wanted?.peers.some(({ endpoints }) =>
      endpoints.some((endpoint) => /[g-zG-Z]/.test(endpoint)),
    );
    if (wanted === undefined || hasNames !== true) return;
    try {
      const state = await this.resolve(wanted);
      if (this.wanted === wanted) await this.dataPlane.apply(state);
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
      source: this.options.source.describe(),
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
    await this.options.source.stop();
    await this.dataPlane.close();
    await this.options.source.close?.();
    await this.paths?.save();
    this.metricsServer?.close();
    await this.statusServer?.close();
  }
}

/** Runs an agent until SIGTERM or SIGINT. @throws AgentError when it cannot start, or its data plane has failed */
export async function runAgent(options: RunOptions): Promise<void> {
  const stopRequest = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
  const agent = await Agent.start(options);
  try {
    const signal = await Promise.race([stopRequest, agent.failed]);
    options.log.info({ signal }, 'agent stops');
  } catch (error) {
    throw new AgentError(`the data plane has failed: ${messageOf(error)}`);
  }
  await agent.stop();
}

function workersOf({ dataPlaneWorkers: wanted, peers = Infinity, memoryBytes }: RunOptions) {
  return dataPlaneWorkers({
    wanted,
    peers,
    cores: availableParallelism(),
    memoryBytes: memoryBytes ?? DEFAULT_MEMORY_BYTES,
    steering: features.steering,
  });
}

/** nftables takes letters, digits and underscores; the process makes it unique. */
function tableName(agentName: string): string {
  return `longhaul_${agentName.replaceAll(/[^A-Za-z0-9]/g, '_')}`;
}
