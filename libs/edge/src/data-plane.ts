import * as native from '@longhaul/native';
import { allocateSlab } from '@longhaul/native';
import type { Stream, TunnelEvents } from '@longhaul/tunnel';
import { Bridge } from './connection/bridge.js';
import type { FlowRecord } from './connection/flow.js';
import { WorkSpace } from './connection/work-space.js';
import { Connections, type Policy } from './connections.js';
import { DriverSocket, EndpointDriver } from './driver.js';
import { Interception } from './interception/interception.js';
import { ForwardListeners } from './listeners.js';
import { formatSocketAddress } from './policy/addresses.js';
import { AllowTable } from './policy/allow-table.js';
import { RuleTable } from './policy/rule-table.js';
import { StateError, validateState, type DataPlaneState } from './policy/state.js';
import type { DataPlaneStatistics, LinkStatistics } from './statistics.js';

/** How often the limits that follow the paths are adapted. */
const ADAPT_MS = 100;
/** Interception that was lost is tried again after so long. */
const RESTORE_INTERCEPTION_MS = 2000;
/** Slab for streams both ways: virtual until used. Half of it is what peers may be promised. */
const DEFAULT_MEMORY_BYTES = 1_073_741_824;

export interface DataPlaneOptions {
  /** Slab for datagrams and streams, in bytes; at most 2^31 - 1. */
  readonly memoryBytes?: number;
  /** Name of the nftables table, when interception is on; unique among the agents of a network namespace. */
  readonly tableName?: string;
}

/** What the owner of a data plane is told. */
export interface DataPlaneEvents {
  tunnelUp(peerId: string): void;
  tunnelDown(peerId: string, reason: string): void;
  /** Connections are not intercepted any more, though the state says so. */
  interceptionLost(reason: string): void;
}

/**
 * The data plane of an agent: ends TCP connections here, carries them through tunnels, opens them there. It works on the
 * event loop of the thread that makes it, and wants that thread for itself.
 */
export class DataPlane {
  private readonly memory: Uint8Array;
  private readonly connections: Connections;
  private readonly forwards: ForwardListeners;
  private readonly interception: Interception;
  /** What the protocol has told and nobody has acted on. */
  private told: (() => void)[] = [];
  private driver: EndpointDriver | undefined;
  private state: DataPlaneState | undefined;
  private applying: Promise<unknown> = Promise.resolve();
  private adaptTimer: NodeJS.Timeout | undefined;
  private restoreTimer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    options: DataPlaneOptions,
    private readonly events: DataPlaneEvents,
  ) {
    this.memory = allocateSlab(options.memoryBytes ?? DEFAULT_MEMORY_BYTES);
    this.connections = this.makeConnections();
    this.forwards = new ForwardListeners((socket, forward) => {
      this.connections.acceptForward(socket, forward);
    });
    this.interception = new Interception(
      options.tableName ?? `longhaul_${process.pid}`,
      (socket) => {
        this.connections.acceptIntercepted(socket);
      },
      (reason) => {
        this.onInterceptionLost(reason);
      },
    );
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

  /**
   * Puts a state in force, as a whole: it is checked, everything new is bound and prepared, then all is switched.
   * Connections that are open stay as they are, except those of a peer that is gone or has another key.
   *
   * @throws StateError if the state cannot be; the one before stays in force
   */
  apply(state: DataPlaneState): Promise<void> {
    const turn = this.applying.then(() => this.applyNow(state));
    this.applying = turn.catch(() => undefined);
    return turn;
  }

  private async applyNow(state: DataPlaneState): Promise<void> {
    if (this.closed) throw new StateError(['the data plane is closed']);
    validateState(state);
    this.refuseNewKey(state);
    const undo: (() => unknown)[] = [];
    try {
      const policy = {
        rules: new RuleTable(state.rules),
        allow: new AllowTable(state.allow, state.management),
      };
      const socket = this.prepareSocket(state, undo);
      const forwards = this.forwards.prepare(state.forwards);
      undo.push(forwards.rollback);
      const interception = await this.interception.prepare(state);
      undo.push(interception.rollback);
      await interception.load();
      this.switchTo(state, policy, socket);
      forwards.commit();
      await interception.commit();
    } catch (error) {
      for (const step of undo.reverse()) await step();
      throw error instanceof StateError ? error : new StateError([messageOf(error)]);
    }
  }

  /** The table is gone, and connections go straight: tried again until it is back. */
  private onInterceptionLost(reason: string): void {
    this.events.interceptionLost(reason);
    this.restoreTimer = setTimeout(() => {
      const { state } = this;
      if (this.closed || state === undefined) return;
      this.apply(state).catch((error: unknown) => {
        this.onInterceptionLost(messageOf(error));
      });
    }, RESTORE_INTERCEPTION_MS);
  }

  private refuseNewKey({ privateKey }: DataPlaneState): void {
    if (this.state !== undefined && Buffer.compare(this.state.privateKey, privateKey) !== 0) {
      throw new StateError(['the private key cannot change while the agent runs: restart it']);
    }
  }

  /** A new UDP socket where one is needed. */
  private prepareSocket({ tunnel }: DataPlaneState, undo: (() => unknown)[]): DriverSocket | undefined {
    const present = this.state?.tunnel;
    if (present?.address === tunnel.address && present.port === tunnel.port) return undefined;
    try {
      const socket = new DriverSocket(tunnel);
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
    this.switchPeers(this.driver, state);
    this.state = state;
    this.connections.policy = policy;
    this.driver.wake();
  }

  private switchPeers({ endpoint }: EndpointDriver, state: DataPlaneState): void {
    for (const old of this.state?.peers ?? []) {
      const kept = state.peers.find((peer) => peer.id === old.id);
      if (kept !== undefined && Buffer.compare(kept.publicKey, old.publicKey) === 0) continue;
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
    return new EndpointDriver(privateKey, this.memory, socket, this.tunnelEvents(), {
      serve: () => {
        this.connections.flushQuietOpens();
        this.act();
      },
      hasWork: () => this.told.length > 0,
      nextTaskUs: () => this.connections.nextOpenUs,
    });
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
      interception: this.interception.status,
      udp: {
        packetsSent: udp?.packetsSent ?? 0,
        packetsReceived: udp?.packetsReceived ?? 0,
        sendErrors: udp?.sendErrors ?? 0,
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
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.applying;
    await this.interception.close();
    this.forwards.close();
    clearInterval(this.adaptTimer);
    clearTimeout(this.restoreTimer);
    this.connections.close();
    this.driver?.close();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
