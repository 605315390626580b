import type { LinkRecord } from '@longhaul/contracts';
import type { DataPlaneStatistics, LinkStatistics } from '@longhaul/edge';
import { REPORT_INTERVAL_MS } from '../params.js';

/** A counter that is less than before began anew meanwhile. */
const grown = (now: number, before: number): number => (now >= before ? now - before : now);

const toMs = (us: number | null): number | null => (us === null ? null : us / 1000);

/** Makes one record of each link and interval of the data plane's counters. */
export class LinkRecorder {
  intervalMs = REPORT_INTERVAL_MS;
  private before: DataPlaneStatistics | undefined;

  /** The records that are due; none while the interval is not over. */
  record(now: DataPlaneStatistics): LinkRecord[] {
    const { before } = this;
    const intervalMs = before === undefined ? 0 : now.atMs - before.atMs;
    if (before !== undefined && intervalMs >= 0 && intervalMs < this.intervalMs - SLACK_MS) return [];
    this.before = now;
    // The first snapshot has nothing before it; a clock that was set back makes no interval.
    if (before === undefined || intervalMs <= 0) return [];
    const earlier = new Map(before.links.map((link) => [link.peerId, link]));
    return now.links.map((link) => toRecord(link, earlier.get(link.peerId), now.atMs, intervalMs));
  }
}

/** Snapshots come by a timer and so a little early or late. */
const SLACK_MS = 100;

function toRecord(
  { peerId, tunnel, bytes }: LinkStatistics,
  before: LinkStatistics | undefined,
  atMs: number,
  intervalMs: number,
): LinkRecord {
  return {
    peerAgentId: peerId,
    atMs,
    intervalMs,
    state: tunnel.state,
    bytesSent: grown(bytes.sent, before?.bytes.sent ?? 0),
    bytesReceived: grown(bytes.received, before?.bytes.received ?? 0),
    wireBytesSent: grown(tunnel.wireBytesSent, before?.tunnel.wireBytesSent ?? 0),
    wireBytesReceived: grown(tunnel.wireBytesReceived, before?.tunnel.wireBytesReceived ?? 0),
    packetsSent: grown(tunnel.packetsSent, before?.tunnel.packetsSent ?? 0),
    packetsLost: grown(tunnel.packetsLost, before?.tunnel.packetsLost ?? 0),
    packetsRetransmitted: grown(tunnel.packetsRetransmitted, before?.tunnel.packetsRetransmitted ?? 0),
    packetsSpurious: grown(tunnel.packetsSpurious, before?.tunnel.packetsSpurious ?? 0),
    minRttMs: toMs(tunnel.minRttUs),
    smoothedRttMs: toMs(tunnel.smoothedRttUs),
    queueDelayMs: toMs(tunnel.queueDelayUs),
    pacingMbps: (tunnel.pacingBytesPerSecond * 8) / 1e6,
    mtu: tunnel.mtu,
    openStreams: tunnel.openStreams,
  };
}
