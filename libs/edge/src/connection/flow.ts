import { DOUBLE_ZERO } from '@longhaul/tunnel';
import type { SocketAddress } from '../policy/addresses.js';

export type FlowEnd = 'closed' | 'reset' | 'refused' | 'denied' | 'unreachable' | 'agent-stopped';

/** What is known of a connection from its first moment. */
export interface FlowIdentity {
  /** UUID; an accelerated connection has the same one at both agents. */
  readonly flowId: string;
  /** `initiator`: the application that began the connection is at this agent's side. */
  readonly role: 'initiator' | 'responder';
  readonly peerId: string | null;
  readonly source: SocketAddress;
  readonly destination: SocketAddress;
  /** Rule or forward that decided; null at the responder and where none did. */
  readonly ruleId: string | null;
  readonly handling: 'accelerated' | 'passed' | 'refused';
}

/** Counters are since the flow began. Up is from the side that began the connection. */
export interface FlowRecord extends FlowIdentity {
  /** Unix milliseconds. */
  readonly startedAtMs: number;
  /** Unix milliseconds; null while it lives. */
  readonly endedAtMs: number | null;
  readonly ended: FlowEnd | null;
  readonly reason: string | null;
  /** Application bytes. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** The same after compression, framing included; 0 for a connection that was passed. */
  readonly encodedBytesUp: number;
  readonly encodedBytesDown: number;
}

/** Bytes of all flows of a tunnel since the data plane began. */
export interface PeerBytes {
  sent: number;
  received: number;
  encodedSent: number;
  encodedReceived: number;
}

/** A connection being counted. */
export class Flow {
  readonly startedAtMs = Date.now();
  sent = DOUBLE_ZERO;
  received = DOUBLE_ZERO;
  encodedSent = DOUBLE_ZERO;
  encodedReceived = DOUBLE_ZERO;
  private end: { atMs: number; ended: FlowEnd; reason: string | null } | undefined;

  constructor(
    readonly identity: FlowIdentity,
    private readonly peerBytes: PeerBytes,
    private readonly onEnd: (flow: Flow) => void,
  ) {}

  /** Bytes went from this side's socket to the peer. */
  countSent(bytes: number, encodedBytes: number): void {
    this.sent += bytes;
    this.encodedSent += encodedBytes;
    this.peerBytes.sent += bytes;
    this.peerBytes.encodedSent += encodedBytes;
  }

  /** Bytes came from the peer for this side's socket. */
  countReceived(bytes: number, encodedBytes: number): void {
    this.received += bytes;
    this.encodedReceived += encodedBytes;
    this.peerBytes.received += bytes;
    this.peerBytes.encodedReceived += encodedBytes;
  }

  get over(): boolean {
    return this.end !== undefined;
  }

  /** The first end counts. */
  finish(ended: FlowEnd, reason: string | null): void {
    if (this.end !== undefined) return;
    this.end = { atMs: Date.now(), ended, reason };
    this.onEnd(this);
  }

  record(): FlowRecord {
    const fromInitiator = this.identity.role === 'initiator';
    return {
      ...this.identity,
      startedAtMs: this.startedAtMs,
      endedAtMs: this.end?.atMs ?? null,
      ended: this.end?.ended ?? null,
      reason: this.end?.reason ?? null,
      bytesUp: fromInitiator ? this.sent : this.received,
      bytesDown: fromInitiator ? this.received : this.sent,
      encodedBytesUp: fromInitiator ? this.encodedSent : this.encodedReceived,
      encodedBytesDown: fromInitiator ? this.encodedReceived : this.encodedSent,
    };
  }
}

/** Ended flows that are kept until somebody reads them; beyond it the oldest go and are counted. */
const MAX_ENDED_FLOWS = 10_000;

/** All flows of a data plane. */
export class FlowRegistry {
  private readonly active = new Set<Flow>();
  private ended: FlowRecord[] = [];
  /** Records of ended flows that nobody read in time. */
  dropped = 0;
  private readonly peers = new Map<string, PeerBytes>();
  private readonly unaccounted: PeerBytes = { sent: 0, received: 0, encodedSent: 0, encodedReceived: 0 };

  begin(identity: FlowIdentity): Flow {
    const peerBytes = identity.peerId === null ? this.unaccounted : this.peerBytes(identity.peerId);
    const flow = new Flow(identity, peerBytes, (over) => this.onEnd(over));
    this.active.add(flow);
    return flow;
  }

  private onEnd(flow: Flow): void {
    this.active.delete(flow);
    this.ended.push(flow.record());
    if (this.ended.length <= MAX_ENDED_FLOWS) return;
    const excess = this.ended.length - MAX_ENDED_FLOWS / 2;
    this.ended = this.ended.slice(excess);
    this.dropped += excess;
  }

  peerBytes(peerId: string): PeerBytes {
    let bytes = this.peers.get(peerId);
    if (bytes === undefined) {
      bytes = { sent: 0, received: 0, encodedSent: 0, encodedReceived: 0 };
      this.peers.set(peerId, bytes);
    }
    return bytes;
  }

  get activeCount(): number {
    return this.active.size;
  }

  /** Records of at most `limit` flows that live, the youngest last. */
  activeRecords(limit: number): FlowRecord[] {
    const records: FlowRecord[] = [];
    for (const flow of this.active) {
      if (records.length === limit) break;
      records.push(flow.record());
    }
    return records;
  }

  /** The records of flows that have ended since the last call. */
  takeEnded(): FlowRecord[] {
    const ended = this.ended;
    this.ended = [];
    return ended;
  }
}
