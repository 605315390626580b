import * as native from '@longhaul/native';
import { allocateSlab } from '@longhaul/native';
import {
  formatAddress,
  type PeerOptions,
  type ShardOptions,
  type Stream,
  type TunnelEvents,
} from '@longhaul/tunnel';
import { Bridge } from './connection/bridge.js';
import type { FlowRecord } from './connection/flow.js';
import { WorkSpace } from './connection/work-space.js';
import { Connections, type Policy } from './connections.js';
import { DriverSocket, EndpointDriver } from './driver.js';
import type { HandedOverPeer, Handover } from './handover.js';
import { InterceptedConnections } from './interception/intercepted-connections.js';
import { intercepts } from './interception/redirection.js';
import { ForwardListeners } from './listeners.js';
import type { PortUse } from './sockets.js';
import { formatSocketAddress } from './policy/addresses.js';
import { AllowTable } from './policy/allow-table.js';
import { RuleTable } from './policy/rule-table.js';
import { publicKeys, rateLimits, StateError, validateState, type DataPlaneState } from './policy/state.js';
import type { DataPlaneStatistics, LinkStatistics } from './statistics.js';

/** How often the limits that follow the paths are adapted. */
const ADAPT_MS = 100;
/** Slab for streams both ways: virtual until used. Half of it is what peers may be promised. */
export const DEFAULT_MEMORY_BYTES = 1_073_741_824;

export interface DataPlaneOptions {
  /** Slab for datagrams and streams, in bytes; at most 2^31 - 1. */
  readonly memoryBytes?: number;
  /** Of the tunnel's UDP socket in the kernel; its default is that of UdpSocketOptions. */
  readonly receiveBufferBytes?: number;
  /** Where this is one of several data planes that share the tunnel's UDP port, each in a thread of its own. */
  readonly shard?: ShardOptions;
  /** Where another process may take over from this one, or this one from another. */
  readonly handover?: Handover;
}

/** What a data plane that is one of several has to know beside the state, which is the same for all of them. */
export interface Placement {
  /** The shard of each peer of the state, by the peer's id. A peer stays where it is while it is in the state. */
  readonly shardOf: ReadonlyMap<string, number>;
  /** Addresses of forwards, as {@link formatSocketAddress} writes them, on which another shard listens until it commits. */
  readonly inherited: ReadonlySet<string>;
  /** Memory of the rate limits by group, {@link LIMIT_BYTES} each, that the shards share. */
  readonly limits: ReadonlyMap<string, SharedArrayBuffer>;
}

/** A state that can be put in force without fail. */
export interface PreparedState {
  /** Where the tunnel's UDP socket is bound; where the state leaves the port open, the other shards are told this one. */
  readonly tunnelPort: number;
  /** Where redirected connections are taken; undefined: nowhere. */
  readonly interceptionPort: number | undefined;
  commit(): void;
  rollback(): void;
}

const ALL_HERE: Placement = { shardOf: new Map(), inherited: new Set(), limits: new Map() };

/** What the owner of a data plane is told. */
export interface DataPlaneEvents {
  tunnelUp(peerId: string): void;
  tunnelDown(peerId: string, reason: string): void;
}

/**
 * The data plane of an agent: ends TCP connections here, carries them through tunnels, opens them there. It works on the
 * event loop of the thread that makes it, and wants that thread for itself.
 */
export class DataPlane {
  private readonly memory: Uint8Array;
  private readonly connections: Connections;
  private readonly forwards: ForwardListeners;
  private readonly intercepted: InterceptedConnections;
  /** What the protocol has told and nobody has acted on. */
  private told: (() => void)[] = [];
  private driver: EndpointDriver | undefined;
  private state: DataPlaneState | undefined;
  private adaptTimer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly options: DataPlaneOptions,
    private readonly events: DataPlaneEvents,
  ) {
    this.memory = allocateSlab(options.memoryBytes ?? DEFAULT_MEMORY_BYTES);
    this.connections = this.makeConnections();
    this.forwards = new ForwardListeners((socket, forward) => {
      this.connections.acceptForward(socket, forward);
    }, options.handover);
    this.intercepted = new InterceptedConnections((socket) => {
      this.connections.acceptIntercepted(socket);
    });
  }

  private makeConnections(): Connections {
    const endpoint = () => this.driver?.endpoint;
    const tunnels = {
      get endpoint() {
        return endpoint();
      },
      wake: () => {
        this.driver?.wake();
      },
    };
    const nothing = { rules: new RuleTable([]), allow: new AllowTable([], []) };
    return new Connections(tunnels, new WorkSpace(this.memory, native), nothing);
  }

  // Policy

  /** Puts a state in force, as a whole; see {@link prepare}. @throws StateError if it cannot be; the one before stays */
  apply(state: DataPlaneState): void {
    this.prepare(state).commit();
  }

  /**
   * Checks a state and binds everything new, so that it can be put in force as a whole. Until then nothing changes.
   * Connections that are open stay as they are, except those of a peer that is gone. Connections that a peer of another shard is to carry are as if it were down: they are not meant to come here.
   *
   * @throws StateError if the state cannot be
   */
  prepare(state: DataPlaneState, placement = ALL_HERE): PreparedState {
    if (this.closed) throw new StateError(['the data plane is closed']);
    validateState(state);
    const undo: (() => void)[] = [];
    const rollback = (): void => {
      for (const step of undo.reverse()) step();
    };
    try {
      const policy = {
        rules: new RuleTable(state.rules),
        allow: new AllowTable(state.allow, state.management),
      };
      const here = this.ofThisShard(state, placement);
      const socket = this.prepareSocket(state, undo);
      const forwards = this.forwards.prepare(here.forwards, (address) => this.portUseOf(address, placement));
      undo.push(forwards.rollback);
      const intercepted = this.intercepted.prepare(intercepts(state));
      undo.push(intercepted.rollback);
      return {
        tunnelPort: socket?.udp.port ?? this.driver?.port ?? 0,
        interceptionPort: intercepted.port,
        rollback,
        commit: () => {
          this.switchTo(here, policy, socket);
          this.connections.limits.configure(rateLimits(state), placement.limits);
          this.driver?.endpoint.setPeersElsewhere(this.elsewhere(state, placement));
          forwards.commit();
          intercepted.commit();
        },
      };
    } catch (error) {
      rollback();
      throw error instanceof StateError ? error : new StateError([messageOf(error)]);
    }
  }

  /** What of a state this shard does; its rules are for all of them. */
  private ofThisShard(state: DataPlaneState, { shardOf }: Placement): DataPlaneState {
    const { shard } = this.options;
    if (shard === undefined) return state;
    const isHere = (peerId: string): boolean => shardOf.get(peerId) === shard.index;
    return {
      ...state,
      peers: state.peers.filter(({ id }) => isHere(id)),
      forwards: state.forwards.filter(({ treatment }) => isHere(treatment.peerId)),
    };
  }

  private elsewhere({ peers }: DataPlaneState, { shardOf }: Placement) {
    return peers.flatMap(({ id, publicKey, nextPublicKey }) => {
      const shard = shardOf.get(id);
      const isHere = shard === undefined || shard === this.options.shard?.index;
      return isHere ? [] : [{ publicKey, nextPublicKey, shard }];
    });
  }

  private portUseOf(address: string, { inherited }: Placement): PortUse {
    const { shard, handover } = this.options;
    if (handover?.predecessor !== undefined) return 'joined';
    if (shard === undefined) return handover === undefined ? 'alone' : 'shared';
    return inherited.has(address) ? 'joined' : 'shared';
  }

  /** A new UDP socket where one is needed. */
  private prepareSocket({ tunnel }: DataPlaneState, undo: (() => void)[]): DriverSocket | undefined {
    const present = this.state?.tunnel;
    if (present?.address === tunnel.address && present.port === tunnel.port) return undefined;
    try {
      const socket = new DriverSocket(tunnel, this.options);
      undo.push(() => {
        socket.udp.close();
      });
      return socket;
    } catch (error) {
      const where = `UDP ${formatSocketAddress(tunnel)}`;
      throw new StateError([`the tunnel cannot use ${where}: ${messageOf(error)}`]);
    }
  }

  /** Nothing in here fails: everything was checked before. */
  private switchTo(state: DataPlaneState, policy: Policy, socket: DriverSocket | undefined): void {
    if (this.driver === undefined) {
      if (socket === undefined) return;
      this.driver = this.startDriver(state.privateKey, socket);
    } else if (socket !== undefined) {
      this.driver.replaceSocket(socket);
    }
    this.driver.endpoint.setPrivateKeys(state.privateKey, state.previousPrivateKey);
    this.switchPeers(this.driver, state);
    this.state = state;
    this.connections.policy = policy;
    this.driver.wake();
  }

  private switchPeers({ endpoint }: EndpointDriver, state: DataPlaneState): void {
    for (const old of this.state?.peers ?? []) {
      if (state.peers.some(({ id }) => id === old.id) && !isKeyOfAnother(old, state.peers)) continue;
      endpoint.removePeer(old.id);
      this.connections.forgetPeer(old.id);
    }
    for (const peer of state.peers) endpoint.setPeer(peer);
  }

  // The protocol

  private startDriver(privateKey: Uint8Array, socket: DriverSocket): EndpointDriver {
    this.adaptTimer = setInterval(() => {
      this.connections.adaptToPaths();
    }, ADAPT_MS);
    const tasks = {
      serve: () => {
        this.connections.serve();
        this.act();
      },
      hasWork: () => this.told.length > 0,
      nextTaskUs: () => this.connections.nextTaskUs,
    };
    const driver = new EndpointDriver(
      privateKey,
      this.memory,
      socket,
      this.tunnelEvents(),
      tasks,
      this.options,
    );
    driver.endpoint.setNeighbour(this.options.handover?.predecessor !== undefined);
    return driver;
  }

  /** Takes a datagram that another shard has handed over; see {@link ShardOptions.handOver}. */
  takeOver(datagram: Uint8Array, record: Int32Array): void {
    this.driver?.takeOver(datagram, record);
  }

  /**
   * Events come while the protocol works on a batch, in which its streams must not be touched: they are put down, and
   * acted on in {@link act}.
   */
  private tunnelEvents(): TunnelEvents {
    const later = (deed: () => void): void => {
      this.told.push(deed);
    };
    const withBridge = (stream: Stream, deed: (bridge: Bridge) => void): void => {
      const bridge = stream.userData;
      if (bridge instanceof Bridge)
        later(() => {
          deed(bridge);
        });
    };
    return {
      tunnelUp: (peerId) => {
        later(() => {
          this.events.tunnelUp(peerId);
        });
      },
      tunnelDown: (peerId, reason) => {
        later(() => {
          this.events.tunnelDown(peerId, reason);
        });
      },
      streamOpened: (stream) => {
        later(() => {
          this.connections.acceptStream(stream);
        });
      },
      streamReadable: (stream) => {
        withBridge(stream, (bridge) => {
          bridge.runDownload();
        });
      },
      streamWritable: (stream) => {
        withBridge(stream, (bridge) => {
          bridge.runUpload();
        });
      },
      streamReset: (stream, code) => {
        later(() => {
          if (stream.userData instanceof Bridge) stream.userData.onPeerAbort(code);
        });
      },
      streamStopped: (stream, code) => {
        later(() => {
          if (stream.userData instanceof Bridge) stream.userData.onPeerAbort(code);
        });
      },
      streamClosed: (stream) => {
        later(() => {
          if (stream.userData instanceof Bridge) stream.userData.onStreamClosed();
        });
      },
    };
  }

  private act(): void {
    while (this.told.length > 0) {
      const deeds = this.told;
      this.told = [];
      for (const deed of deeds) deed();
    }
  }

  // One process that takes over from another

  /**
   * Another process takes over: what is open here goes on. Gives the tunnels that are up, for that process. New connections and
   * streams are still taken as they come.
   */
  handOver(): HandedOverPeer[] {
    this.driver?.endpoint.setNeighbour(true);
    const tunnels = this.driver?.endpoint.handOver(true) ?? [];
    this.driver?.wake();
    return tunnels.map(({ address, ...rest }) => ({ ...rest, endpoint: formatAddress(address) }));
  }

  /** The process that was to take over is no more: this one goes on. */
  takeBack(): void {
    this.driver?.endpoint.setNeighbour(false);
    this.driver?.endpoint.handOver(false);
    this.steer();
    this.driver?.wake();
  }

  /** From now on what is new comes to this process, and no more to the one before. */
  lead(): void {
    this.options.handover?.lead();
    this.steer();
  }

  /** The process before has closed its sockets. */
  predecessorEnded(): void {
    this.options.handover?.predecessorEnded();
    this.driver?.endpoint.setNeighbour(false);
    this.steer();
  }

  private steer(): void {
    if (this.options.handover === undefined) return;
    this.forwards.steer();
    if ((this.options.shard?.index ?? 0) === 0) this.driver?.steer();
  }

  /** Takes no more connections; those that are open go on. */
  stopListening(): void {
    this.intercepted.close();
    this.forwards.close();
  }

  // What it tells

  /** Cheap: some counters of each peer. */
  statistics(): DataPlaneStatistics {
    const udp = this.driver?.udpStatistics;
    return {
      atMs: Date.now(),
      tunnelPort: this.driver?.port ?? 0,
      links: this.state?.peers.flatMap(({ id }) => this.linkStatistics(id)) ?? [],
      activeFlows: this.connections.flows.activeCount,
      droppedFlowRecords: this.connections.flows.dropped,
      udp: {
        packetsSent: udp?.packetsSent ?? 0,
        packetsReceived: udp?.packetsReceived ?? 0,
        sendErrors: udp?.sendErrors ?? 0,
        misdirected: this.driver?.endpoint.misdirected ?? 0,
      },
    };
  }

  private linkStatistics(peerId: string): LinkStatistics[] {
    const endpoint = this.driver?.endpoint;
    const tunnel = endpoint?.stats(peerId);
    if (endpoint === undefined || tunnel === undefined) return [];
    const path = endpoint.pathMemory(peerId);
    return [{ peerId, tunnel, path, bytes: { ...this.connections.flows.peerBytes(peerId) } }];
  }

  /** At most `limit` flows that live. */
  activeFlows(limit: number): FlowRecord[] {
    return this.connections.flows.activeRecords(limit);
  }

  /** The flows that have ended since the last call. */
  takeEndedFlows(): FlowRecord[] {
    return this.connections.flows.takeEnded();
  }

  /** Resets all connections, tells the peers, and frees everything. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.intercepted.close();
    this.forwards.close();
    clearInterval(this.adaptTimer);
    this.connections.close();
    this.driver?.close();
  }
}

/** Whether a key that was the peer's is now another's: then it begins anew. */
function isKeyOfAnother(old: PeerOptions, peers: readonly PeerOptions[]): boolean {
  const others = peers.filter(({ id }) => id !== old.id).flatMap(publicKeys);
  return publicKeys(old).some((key) => others.some((other) => Buffer.compare(key, other) === 0));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
