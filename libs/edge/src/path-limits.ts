import type { Stream, TunnelStats } from '@longhaul/tunnel';
import { LEAST_READ_AHEAD_BYTES, ReadAhead } from './read-ahead.js';

interface PathLimits {
  readonly follower: ReadAhead;
  readAheadBytes: number;
  linkBytesPerSecond: number;
}

/** What is learnt of each peer's path and bounds the streams on it. */
export class PathLimitsByPeer {
  private readonly paths = new Map<string, PathLimits>();

  /** Bytes per second that the path to the peer takes; 0 while that is not known. */
  linkBytesPerSecond(peerId: string): number {
    return this.paths.get(peerId)?.linkBytesPerSecond ?? 0;
  }

  /** Bounds a new stream. */
  limit(stream: Stream): void {
    const limits = this.paths.get(stream.peerId);
    if (limits !== undefined) stream.setReadAhead(limits.readAheadBytes);
  }

  /** Learns from a peer's statistics and bounds its streams. */
  update(peerId: string, stats: TunnelStats, streams: Iterable<Stream>, nowUs: number): void {
    let limits = this.paths.get(peerId);
    if (limits === undefined) {
      limits = { follower: new ReadAhead(), readAheadBytes: LEAST_READ_AHEAD_BYTES, linkBytesPerSecond: 0 };
      this.paths.set(peerId, limits);
    }
    limits.linkBytesPerSecond = stats.bandwidthBytesPerSecond;
    limits.readAheadBytes = limits.follower.update(nowUs, stats.wireBytesReceived, stats.smoothedRttUs ?? 0);
    for (const stream of streams) stream.setReadAhead(limits.readAheadBytes);
  }

  forget(peerId: string): void {
    this.paths.delete(peerId);
  }
}
