import { randomUUID } from 'node:crypto';
import { features, nowMicroseconds, TcpSocket } from '@longhaul/native';
import type { Endpoint, Stream } from '@longhaul/tunnel';
import { codecForLink } from './codec-choice.js';
import { AbortCode, abortOfConnectError, type Ending } from './connection/abort-code.js';
import { Bridge, type BridgeHost } from './connection/bridge.js';
import { FlowRegistry, type Flow, type FlowIdentity } from './connection/flow.js';
import { decodeOpen, encodeOpen, OpenFormatError, type StreamOpen } from './connection/open-payload.js';
import { Relay } from './connection/relay.js';
import type { WorkSpace } from './connection/work-space.js';
import { PathLimitsByPeer } from './path-limits.js';
import { RateLimits, type ConnectionLimit } from './rate-limit/rate-limits.js';
import type { AllowTable } from './policy/allow-table.js';
import { unmapAddress, type SocketAddress } from './policy/addresses.js';
import type { RuleTable } from './policy/rule-table.js';
import { limitGroup, type Compression, type ForwardState, type Treatment } from './policy/state.js';
import { agentMark } from './sockets.js';
import { systemErrorCode } from './system-error.js';

/** How long an open waits for the application's first bytes: protocols in which the server speaks first send none. */
const OPEN_WAIT_US = 2000;
/** A destination that does not answer for so long is unreachable: Linux itself gives up after twice that. */
const CONNECT_TIMEOUT_MS = 60_000;
/** A host that vanished is noticed after so long without traffic, or twice that. */
const KEEP_ALIVE_SECONDS = 60;
/**
 * What the kernel may hold for an application that reads more slowly than the tunnel delivers; it doubles it for its own
 * records. Left to itself that grows to megabytes, and a guest that is moved stands still until they are read. An application
 * that is a millisecond away still gets 8 Gbit/s.
 */
const SEND_BUFFER_BYTES = features.tcpTuning ? 1_048_576 : undefined;

const NOT_ALLOWED: Ending = {
  ended: 'denied',
  reason: 'this agent does not allow the peer this destination',
};
const STOPPED: Ending = { ended: 'agent-stopped', reason: 'the agent was stopped' };

/** What of a state is asked at every new connection. */
export interface Policy {
  readonly rules: RuleTable;
  readonly allow: AllowTable;
}

/** How connections reach the protocol. */
export interface TunnelAccess {
  /** Undefined until the first state is in force. */
  readonly endpoint: Endpoint | undefined;
  /** Packets may be ready to leave. */
  wake(): void;
}

/** Where a connection from this side is going, and by which rule or forward. */
interface Request {
  readonly socket: TcpSocket;
  readonly destination: SocketAddress;
  readonly ruleId: string | null;
  /** Of the rule or forward. */
  readonly limit: ConnectionLimit;
}

/** What becomes of an attempt to connect: one of the two. */
interface ConnectOutcome {
  connected(socket: TcpSocket): void;
  /** @param error the system's code, as 'ECONNREFUSED' */
  failed(error: string): void;
}

/** All connections of a data plane, and what becomes of new ones. */
export class Connections {
  readonly flows = new FlowRegistry();
  readonly limits: RateLimits;
  private readonly paths = new PathLimitsByPeer();
  private readonly bridges = new Map<string, Set<Bridge>>();
  private readonly relays = new Set<Relay>();
  /** Sockets that are being connected, by what waits for them: a bridge, or the socket that is to be relayed. */
  private readonly connecting = new Map<Bridge | TcpSocket, TcpSocket>();
  private readonly quietOpens: { stream: Stream; dueUs: number }[] = [];
  private readonly bridgeHost: BridgeHost;

  constructor(
    private readonly tunnels: TunnelAccess,
    private readonly space: WorkSpace,
    /** In force for connections that come from now on. */
    public policy: Policy,
  ) {
    const wake = (): void => {
      tunnels.wake();
    };
    this.limits = new RateLimits(wake);
    this.bridgeHost = {
      space,
      wake,
      bridgeClosed: (bridge) => {
        this.bridges.get(bridge.stream.peerId)?.delete(bridge);
        this.giveUpConnect(bridge);
      },
    };
  }

  // Connections that begin at this side

  acceptForward(socket: TcpSocket, forward: ForwardState): void {
    const { id: ruleId, target: destination, treatment } = forward;
    const limit = this.limits.of(limitGroup(forward.id, treatment));
    this.accelerate({ socket, destination, ruleId, limit }, treatment);
  }

  acceptIntercepted(socket: TcpSocket): void {
    const destination = originalDestination(socket);
    if (destination === undefined) {
      socket.reset();
      return;
    }
    const rule = this.policy.rules.decide(socket.remoteAddress, destination);
    const request = { socket, destination, ruleId: rule?.id ?? null, limit: this.limits.none };
    if (rule?.action === 'accelerate')
      this.accelerate(
        { ...request, limit: this.limits.of(limitGroup(rule.id, rule.treatment)) },
        rule.treatment,
      );
    else if (rule?.action === 'deny') this.refuse(request, { ended: 'denied', reason: 'a rule denies it' });
    else this.pass(request);
  }

  private accelerate(request: Request, treatment: Treatment): void {
    const { socket, destination, ruleId, limit } = request;
    const open: StreamOpen = {
      flowId: randomUUID(),
      source: sourceOf(socket),
      destination,
      class: treatment.class,
      weight: treatment.weight,
      compression: treatment.compression,
    };
    const stream = this.openStream(open, treatment.peerId);
    if (stream === undefined) {
      this.withoutPeer(request, treatment);
      return;
    }
    const { flowId, source } = open;
    const identity = {
      flowId,
      role: 'initiator',
      peerId: treatment.peerId,
      source,
      destination,
      ruleId,
    } as const;
    const flow = this.flows.begin({ ...identity, handling: 'accelerated' });
    tune(socket);
    this.quietOpens.push({ stream, dueUs: nowMicroseconds() + OPEN_WAIT_US });
    this.bridge(stream, flow, treatment.compression, limit).attach(socket);
  }

  /** Undefined: there is no way to the peer now, be it that its tunnel is down, full or out of memory. */
  private openStream(open: StreamOpen, peerId: string): Stream | undefined {
    const { endpoint } = this.tunnels;
    if (endpoint?.isUp(peerId) !== true) return undefined;
    const openPayload = encodeOpen(open);
    try {
      return endpoint.openStream(peerId, { openPayload, class: open.class, weight: open.weight });
    } catch {
      return undefined;
    }
  }

  private withoutPeer(request: Request, { peerId, whenPeerDown }: Treatment): void {
    if (whenPeerDown === 'pass') this.pass(request);
    else this.refuse(request, { ended: 'unreachable', reason: `the tunnel to ${peerId} is down` });
  }

  private refuse(request: Request, { ended, reason }: Ending): void {
    this.beginLocalFlow(request, 'refused').finish(ended, reason);
    request.socket.reset();
  }

  private beginLocalFlow({ socket, destination, ruleId }: Request, handling: FlowIdentity['handling']): Flow {
    const identity = { role: 'initiator', peerId: null, destination, ruleId, handling } as const;
    return this.flows.begin({ ...identity, flowId: randomUUID(), source: sourceOf(socket) });
  }

  /** Straight to the destination, with the agent's mark so that it is not intercepted again. */
  private pass(request: Request): void {
    const near = request.socket;
    const flow = this.beginLocalFlow(request, 'passed');
    this.connect(near, request.destination, {
      connected: (far) => {
        tune(near);
        tune(far);
        const relay = new Relay(near, far, this.space, flow, request.limit, (over) =>
          this.relays.delete(over),
        );
        this.relays.add(relay);
        relay.start();
      },
      failed: (error) => {
        const { ended, reason } = abortOfConnectError(error).ending;
        flow.finish(ended, reason);
        near.reset();
      },
    });
  }

  private connect(
    waiting: Bridge | TcpSocket,
    to: SocketAddress,
    { connected, failed }: ConnectOutcome,
  ): void {
    const options = { address: to.address, port: to.port, mark: agentMark(), timeoutMs: CONNECT_TIMEOUT_MS };
    const onConnect = (error: string | undefined): void => {
      this.connecting.delete(waiting);
      if (error === undefined) connected(socket);
      else failed(error);
    };
    let socket: TcpSocket;
    try {
      socket = TcpSocket.connect(options, {
        onReadable: () => undefined,
        onWritable: () => undefined,
        onConnect,
      });
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === undefined) throw error;
      failed(code);
      return;
    }
    this.connecting.set(waiting, socket);
  }

  /** Nothing waits for the connection any more. */
  private giveUpConnect(waiting: Bridge): void {
    this.connecting.get(waiting)?.reset();
    this.connecting.delete(waiting);
  }

  // Connections that a peer opens

  acceptStream(stream: Stream): void {
    const open = readOpen(stream.openPayload);
    if (open === undefined) {
      stream.reset(AbortCode.malformedOpen);
      stream.stopSending(AbortCode.malformedOpen);
      return;
    }
    const { flowId, source, destination } = open;
    stream.trafficClass = open.class;
    stream.weight = open.weight;
    const identity = { flowId, role: 'responder', peerId: stream.peerId, source, destination } as const;
    const flow = this.flows.begin({ ...identity, ruleId: null, handling: 'accelerated' });
    const bridge = this.bridge(stream, flow, open.compression, this.limits.none);
    if (this.policy.allow.allows(stream.peerId, destination)) this.connectFor(bridge, destination);
    else bridge.abort(AbortCode.notAllowed, NOT_ALLOWED);
  }

  private connectFor(bridge: Bridge, destination: SocketAddress): void {
    this.connect(bridge, destination, {
      connected: (socket) => {
        tune(socket);
        bridge.attach(socket);
      },
      failed: (error) => {
        const { code, ending } = abortOfConnectError(error);
        bridge.abort(code, ending);
      },
    });
  }

  private bridge(stream: Stream, flow: Flow, compression: Compression, limit: ConnectionLimit): Bridge {
    const { peerId, send } = stream;
    const chooseCodec = codecForLink(
      () => send.buffer.end - send.next,
      () => this.paths.linkBytesPerSecond(peerId),
    );
    const bridge = new Bridge(this.bridgeHost, stream, flow, compression, chooseCodec, limit);
    this.bridgesOf(peerId).add(bridge);
    return bridge;
  }

  private bridgesOf(peerId: string): Set<Bridge> {
    let bridges = this.bridges.get(peerId);
    if (bridges === undefined) this.bridges.set(peerId, (bridges = new Set()));
    return bridges;
  }

  // What comes by time

  /** When {@link serve} has something to do; Infinity: never. */
  get nextTaskUs(): number {
    return Math.min(this.nextOpenUs, this.limits.nextUs);
  }

  /** Does what is due. */
  serve(): void {
    this.flushQuietOpens();
    this.limits.serve();
  }

  private get nextOpenUs(): number {
    return this.quietOpens.length === 0 ? Infinity : this.quietOpens[0].dueUs;
  }

  /** Lets opens leave whose applications have not said anything yet. */
  private flushQuietOpens(): void {
    if (this.quietOpens.length === 0) return;
    const nowUs = nowMicroseconds();
    while (this.nextOpenUs <= nowUs) this.quietOpens.shift()?.stream.flushOpen();
  }

  /** Lets the limits of streams follow their paths; to be called some ten times a second. */
  adaptToPaths(): void {
    const nowUs = nowMicroseconds();
    for (const [peerId, bridges] of this.bridges) {
      const stats = this.tunnels.endpoint?.stats(peerId);
      if (stats !== undefined) this.paths.update(peerId, stats, bridges, nowUs);
    }
  }

  /** The peer is not ours any more; its streams have been reset. */
  forgetPeer(peerId: string): void {
    this.paths.forget(peerId);
    if (this.bridges.get(peerId)?.size === 0) this.bridges.delete(peerId);
  }

  /** Resets everything. */
  close(): void {
    for (const bridges of this.bridges.values()) {
      for (const bridge of [...bridges]) bridge.abort(AbortCode.agentStopped, STOPPED);
    }
    for (const relay of [...this.relays]) relay.abort('the agent was stopped', 'agent-stopped');
    for (const socket of this.connecting.values()) socket.reset();
    this.connecting.clear();
  }
}

function sourceOf(socket: TcpSocket): SocketAddress {
  return { address: unmapAddress(socket.remoteAddress), port: socket.remotePort };
}

function readOpen(payload: Uint8Array): StreamOpen | undefined {
  try {
    return decodeOpen(payload);
  } catch (error) {
    if (error instanceof OpenFormatError) return undefined;
    throw error;
  }
}

/** Where an intercepted connection was going; undefined: to the interception's own port, by its own address. */
function originalDestination(socket: TcpSocket): SocketAddress | undefined {
  const original = socket.originalDestination();
  if (original === undefined) return undefined;
  const address = unmapAddress(original.address);
  const isLoop = original.port === socket.localPort && address === unmapAddress(socket.localAddress);
  return isLoop ? undefined : { address, port: original.port };
}

function tune(socket: TcpSocket): void {
  socket.setOptions({ keepAliveSeconds: KEEP_ALIVE_SECONDS, sendBufferBytes: SEND_BUFFER_BYTES });
}
