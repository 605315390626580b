import { DOUBLE_ZERO, type TunnelStats } from '@longhaul/tunnel';
import type { Bridge } from './connection/bridge.js';
import { ReadAhead } from './read-ahead.js';

interface PathLimits {
  readonly readAhead: ReadAhead;
  linkBytesPerSecond: number;
}

/** What is learnt of each peer's path and bounds the connections on it. */
export class PathLimitsByPeer {
  private readonly paths = new Map<string, PathLimits>();

  /** Bytes per second that the path to the peer takes; 0 while that is not known. */
  linkBytesPerSecond(peerId: string): number {
    return this.paths.get(peerId)?.linkBytesPerSecond ?? 0;
  }

  /** Learns from a peer's statistics, and bounds how far the peer may run ahead of sockets that do not keep up. */
  update(peerId: string, stats: TunnelStats, bridges: Iterable<Bridge>, nowUs: number): void {
    let limits = this.paths.get(peerId);
    if (limits === undefined) {
      limits = { readAhead: new ReadAhead(), linkBytesPerSecond: DOUBLE_ZERO };
      this.paths.set(peerId, limits);
    }
    limits.linkBytesPerSecond = stats.bandwidthBytesPerSecond;
    const bytes = limits.readAhead.update(nowUs, stats.wireBytesReceived, stats.smoothedRttUs ?? 0);
    for (const bridge of bridges) bridge.boundReadAhead(bytes);
  }

  forget(peerId: string): void {
    this.paths.delete(peerId);
  }
}
