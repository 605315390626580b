import type { LinkRecord } from '@longhaul/contracts';
import type { LiveLink } from './live-frame.js';

/** A tunnel of which nothing was heard for so long, and for so many of its agent's intervals, is down. */
const SILENT_AFTER_MS = 6_000;
const SILENT_AFTER_INTERVALS = 3;
/** Of one organization, a tunnel's two ends being two; those that were not heard of for longest give way. */
export const MAX_TUNNELS = 50_000;

/** What a link is called in the model, if the two agents' sites have one. */
export type LinkIdOf = (agentId: string, peerAgentId: string) => string | undefined;

interface Sums {
  intervalMs: number;
  bytesSent: number;
  bytesReceived: number;
  wireBytesSent: number;
  wireBytesReceived: number;
  packetsSent: number;
  packetsLost: number;
  packetsRetransmitted: number;
}

interface Tunnel {
  readonly agentId: string;
  readonly peerAgentId: string;
  /** Since the last frame; undefined when nothing came. */
  sums: Sums | undefined;
  newest: LinkRecord;
  heardAtMs: number;
  shown: Omit<LiveLink, 'linkId' | 'agentId' | 'peerAgentId' | 'state'>;
}

const NOTHING: Sums = {
  intervalMs: 0,
  bytesSent: 0,
  bytesReceived: 0,
  wireBytesSent: 0,
  wireBytesReceived: 0,
  packetsSent: 0,
  packetsLost: 0,
  packetsRetransmitted: 0,
};

/**
 * The tunnels of one organization as their agents report them. An agent may name any peer: of those that the model has no link to
 * nothing is kept. A tunnel that fell silent is down for as long as its link is there.
 */
export class LiveLinks {
  private readonly tunnels = new Map<string, Tunnel>();

  /** How many ends of tunnels are kept. */
  get size(): number {
    return this.tunnels.size;
  }

  observe(agentId: string, record: LinkRecord, nowMs: number, linkIdOf: LinkIdOf): void {
    if (linkIdOf(agentId, record.peerAgentId) === undefined) return;
    const key = `${agentId}/${record.peerAgentId}`;
    const tunnel = this.tunnels.get(key);
    this.tunnels.delete(key);
    const sums = add(tunnel?.sums ?? NOTHING, record);
    this.tunnels.set(key, {
      agentId,
      peerAgentId: record.peerAgentId,
      sums,
      newest: record,
      heardAtMs: nowMs,
      shown: tunnel?.shown ?? toPoint(sums, record),
    });
    if (this.tunnels.size > MAX_TUNNELS) this.tunnels.delete(this.tunnels.keys().next().value ?? key);
  }

  /** The state of every tunnel that was heard of, with the rates since the last call. What has no link any more is forgotten. */
  take(nowMs: number, linkIdOf: LinkIdOf): LiveLink[] {
    return [...this.tunnels].flatMap(([key, tunnel]) => {
      const linkId = linkIdOf(tunnel.agentId, tunnel.peerAgentId);
      if (linkId !== undefined) return [{ linkId, ...show(tunnel, nowMs) }];
      this.tunnels.delete(key);
      return [];
    });
  }
}

const show = (tunnel: Tunnel, nowMs: number): Omit<LiveLink, 'linkId'> => {
  const { agentId, peerAgentId, newest, sums } = tunnel;
  const silentAfterMs = Math.max(SILENT_AFTER_MS, SILENT_AFTER_INTERVALS * newest.intervalMs);
  const silent = nowMs - tunnel.heardAtMs > silentAfterMs;
  if (silent) tunnel.shown = { ...toPoint(NOTHING, newest), rttMs: null, openStreams: 0 };
  else if (sums) tunnel.shown = toPoint(sums, newest);
  tunnel.sums = undefined;
  return { agentId, peerAgentId, state: silent ? 'down' : newest.state, ...tunnel.shown };
};

const add = (sums: Sums, record: LinkRecord): Sums => ({
  intervalMs: sums.intervalMs + record.intervalMs,
  bytesSent: sums.bytesSent + record.bytesSent,
  bytesReceived: sums.bytesReceived + record.bytesReceived,
  wireBytesSent: sums.wireBytesSent + record.wireBytesSent,
  wireBytesReceived: sums.wireBytesReceived + record.wireBytesReceived,
  packetsSent: sums.packetsSent + record.packetsSent,
  packetsLost: sums.packetsLost + record.packetsLost,
  packetsRetransmitted: sums.packetsRetransmitted + record.packetsRetransmitted,
});

const mbps = (bytes: number, milliseconds: number): number =>
  milliseconds > 0 ? (bytes * 8) / 1000 / milliseconds : 0;

const percent = (part: number, whole: number): number => (whole > 0 ? (100 * part) / whole : 0);

const toPoint = (sums: Sums, newest: LinkRecord): Tunnel['shown'] => ({
  atMs: newest.atMs,
  sentMbps: mbps(sums.bytesSent, sums.intervalMs),
  receivedMbps: mbps(sums.bytesReceived, sums.intervalMs),
  wireSentMbps: mbps(sums.wireBytesSent, sums.intervalMs),
  wireReceivedMbps: mbps(sums.wireBytesReceived, sums.intervalMs),
  rttMs: newest.smoothedRttMs,
  minRttMs: newest.minRttMs,
  lossPct: percent(sums.packetsLost, sums.packetsSent),
  retransmitPct: percent(sums.packetsRetransmitted, sums.packetsSent),
  openStreams: newest.openStreams,
});
