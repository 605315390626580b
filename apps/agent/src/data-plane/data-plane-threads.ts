import { MessageChannel, type MessagePort } from 'node:worker_threads';
import {
  DEFAULT_MEMORY_BYTES,
  formatSocketAddress,
  LIMIT_BYTES,
  rateLimits,
  Redirection,
  validateState,
  type DataPlaneState,
  type HandedOverPeer,
  type Placement,
} from '@longhaul/edge';
import { messageOf } from '../errors.js';
import { DataPlaneThread, type ThreadEvents } from './data-plane-thread.js';
import type { HandoverPlace, HandoverStep, PreparedPorts, WorkerShard } from './messages.js';
import { PeerPlacement } from './peer-placement.js';
import { SnapshotMerger } from './snapshot-merger.js';

/** Interception that was lost is tried again after so long. */
const RESTORE_INTERCEPTION_MS = 2000;

export interface DataPlaneThreadsOptions {
  /** At least 1. */
  readonly workers: number;
  /** Slab for datagrams and streams, of all workers together. */
  readonly memoryBytes: number | undefined;
  /** Of the nftables table; unique among the agents of a network namespace. */
  readonly tableName: string;
  /** Where another process may take over from this one, or this one from another. */
  readonly handover?: HandoverPlace;
}

export interface DataPlaneThreadsEvents extends ThreadEvents {
  /** Connections are not intercepted any more, though the state says so. */
  interceptionLost(reason: string): void;
}

/**
 * The data plane of an agent: workers, each in its thread and with the tunnels of some of the peers, and the redirection of
 * intercepted connections to the worker whose peer is to carry them.
 */
export class DataPlaneThreads {
  private readonly threads: readonly DataPlaneThread[];
  private readonly placement: PeerPlacement;
  private readonly redirection: Redirection;
  private readonly snapshots: SnapshotMerger;
  private state: DataPlaneState | undefined;
  /** Memory of rate limits, which the workers share, by their groups. */
  private limits: ReadonlyMap<string, SharedArrayBuffer> = new Map();
  private applying: Promise<unknown> = Promise.resolve();
  private restoreTimer: NodeJS.Timeout | undefined;
  private closed = false;
  /** Whether intercepted connections come to this process, or to the one that it takes over from or that takes over. */
  private redirects: boolean;

  constructor(
    options: DataPlaneThreadsOptions,
    private readonly events: DataPlaneThreadsEvents,
  ) {
    const { workers, tableName } = options;
    this.redirects = options.handover?.workersBefore === undefined;
    this.placement = new PeerPlacement(workers);
    this.snapshots = new SnapshotMerger(workers, (snapshot) => {
      events.snapshot(snapshot);
    });
    this.redirection = new Redirection(tableName, (reason) => {
      this.onInterceptionLost(reason);
    });
    this.threads = this.start(options);
  }

  private start(options: DataPlaneThreadsOptions): DataPlaneThread[] {
    const { workers, memoryBytes = DEFAULT_MEMORY_BYTES, handover } = options;
    const ofEach = Math.floor(memoryBytes / workers);
    return makeShards(workers).map((shard, index) => {
      const events: ThreadEvents = {
        ...this.events,
        snapshot: (snapshot) => {
          this.snapshots.add(index, snapshot);
        },
      };
      return new DataPlaneThread({ memoryBytes: ofEach, shard, handover }, events);
    });
  }

  get workers(): number {
    return this.threads.length;
  }

  /** Whether the code of all workers is compiled: before, a transfer is slower. */
  get rehearsed(): boolean {
    return this.threads.every(({ rehearsed }) => rehearsed);
  }

  get interception(): Redirection['status'] {
    return this.redirection.status;
  }

  /**
   * Puts a state in force as a whole: all workers have checked it and bound what it needs before the first is switched.
   * Rejects with the reason if it cannot be; the one before then stays.
   */
  apply(state: DataPlaneState): Promise<void> {
    return this.inTurn(() => this.applyNow(state));
  }

  /** Puts what is in force when its turn comes in force anew, if connections are to be intercepted there and come here. */
  private interceptAnew(): Promise<void> {
    return this.inTurn(async () => {
      if (this.redirects && this.state?.intercept === true) await this.applyNow(this.state);
    });
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.applying.then(work);
    this.applying = turn.catch(() => undefined);
    return turn;
  }

  private async applyNow(state: DataPlaneState): Promise<void> {
    if (this.closed) throw new Error('the data plane is closed');
    validateState(state);
    const planned = this.placement.plan(state.peers.map(({ id }) => id));
    const limits = this.limitsFor(state);
    const undo: (() => Promise<void>)[] = [];
    try {
      const ports = await this.prepareWorkers(state, { shardOf: planned, limits }, undo);
      const redirected = { ...state, intercept: state.intercept && this.redirects };
      const redirection = await this.redirection.prepare(redirected, (peerId) =>
        interceptionPort(ports, planned, peerId),
      );
      undo.push(redirection.rollback);
      await redirection.load();
      redirection.commit();
      await Promise.all(this.threads.map((thread) => thread.commit()));
      this.placement.adopt(planned);
      this.state = state;
      this.limits = limits;
    } catch (error) {
      for (const step of undo.reverse()) await step().catch(() => undefined);
      throw error;
    }
  }

  /** One after the other: the kernel numbers the sockets of the tunnel's port in the order of binding. */
  private async prepareWorkers(
    state: DataPlaneState,
    shared: Pick<Placement, 'shardOf' | 'limits'>,
    undo: (() => Promise<void>)[],
  ): Promise<PreparedPorts[]> {
    const ports: PreparedPorts[] = [];
    for (const [index, thread] of this.threads.entries()) {
      const port = ports.at(0)?.tunnelPort ?? state.tunnel.port;
      const placement = { ...shared, inherited: this.inheritedBy(index, state, shared.shardOf) };
      ports.push(await thread.prepare({ ...state, tunnel: { ...state.tunnel, port } }, placement));
      undo.push(() => thread.rollback());
    }
    return ports;
  }

  /** A limit that stays keeps its memory. One worker alone needs none that others see. */
  private limitsFor(state: DataPlaneState): ReadonlyMap<string, SharedArrayBuffer> {
    if (this.threads.length === 1) return this.limits;
    const groups = [...rateLimits(state).keys()];
    return new Map(
      groups.map((group) => [group, this.limits.get(group) ?? new SharedArrayBuffer(LIMIT_BYTES)]),
    );
  }

  /** Where another worker listens now for what is to be the forwards of the worker `index`. */
  private inheritedBy(
    index: number,
    { forwards }: DataPlaneState,
    shardOf: ReadonlyMap<string, number>,
  ): Placement['inherited'] {
    const present = new Map(
      this.state?.forwards.map(({ listen, treatment }) => [
        formatSocketAddress(listen),
        this.placement.inForce.get(treatment.peerId),
      ]),
    );
    return new Set(
      forwards
        .filter(({ treatment }) => shardOf.get(treatment.peerId) === index)
        .map(({ listen }) => formatSocketAddress(listen))
        .filter((address) => (present.get(address) ?? index) !== index),
    );
  }

  /** The table is gone, and connections go straight: tried again until it is back. */
  private onInterceptionLost(reason: string): void {
    if (this.closed) return;
    this.events.interceptionLost(reason);
    this.restoreTimer = setTimeout(() => {
      if (this.closed) return;
      this.interceptAnew().catch((error: unknown) => {
        this.onInterceptionLost(messageOf(error));
      });
    }, RESTORE_INTERCEPTION_MS);
  }

  // One process that takes over from another

  /** Another process takes over; gives it the tunnels that are up. See DataPlane.handOver. */
  async handOver(): Promise<HandedOverPeer[]> {
    return (await this.step('handOver')).flat();
  }

  /** What is new comes to this process from now on, intercepted connections with the rest. */
  async takeOver(): Promise<void> {
    await this.step('lead');
    await this.redirect();
  }

  /** Intercepted connections go to the other process; listeners still take what comes. */
  async stopRedirecting(): Promise<void> {
    this.redirects = false;
    await this.applying;
    await this.redirection.close();
  }

  /** The process that was to take over is no more: this one goes on. */
  async takeBack(): Promise<void> {
    await this.step('takeBack');
    await this.redirect();
  }

  /** The process before has closed its sockets. */
  async predecessorEnded(): Promise<void> {
    await this.step('predecessorEnded');
  }

  /** No connection is taken any more; those that are open go on. */
  async stopListening(): Promise<void> {
    await this.stopRedirecting();
    await this.step('stopListening');
  }

  private async redirect(): Promise<void> {
    this.redirects = true;
    await this.interceptAnew();
  }

  private async step(step: HandoverStep): Promise<(readonly HandedOverPeer[])[]> {
    await this.applying;
    return Promise.all(this.threads.map((thread) => thread.handover(step)));
  }

  /** Resets all connections, says goodbye to the peers, and ends the threads. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.restoreTimer);
    await this.applying;
    await this.redirection.close();
    // The last first: so the sockets of a process that has taken over get the numbers of these in the same order.
    for (const thread of [...this.threads].reverse()) await thread.close();
    this.snapshots.flush();
  }
}

/** Where connections to a peer are taken; denied ones by the first worker. */
function interceptionPort(
  ports: readonly PreparedPorts[],
  shardOf: ReadonlyMap<string, number>,
  peerId: string | undefined,
): number {
  const shard = peerId === undefined ? 0 : shardOf.get(peerId);
  const port = shard === undefined ? undefined : ports[shard].interceptionPort;
  if (port === undefined) throw new Error('no worker takes intercepted connections');
  return port;
}

/** What joins the workers with each other; undefined for one that is alone. */
function makeShards(count: number): (WorkerShard | undefined)[] {
  if (count === 1) return [undefined];
  const ports = Array.from({ length: count }, () =>
    new Array<MessagePort | undefined>(count).fill(undefined),
  );
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      const { port1, port2 } = new MessageChannel();
      ports[a][b] = port1;
      ports[b][a] = port2;
    }
  }
  return ports.map((own, index) => ({ index, count, ports: own }));
}
