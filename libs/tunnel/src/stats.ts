import type { Tunnel } from './tunnel/tunnel.js';

/** What a tunnel has done and believes. Counters are of the present transport, since it began. */
export interface TunnelStats {
  readonly state: 'up' | 'connecting' | 'down';
  /** Congestion controller's state. */
  readonly congestionState: string;
  /** UDP payload bytes. */
  readonly wireBytesSent: number;
  readonly wireBytesReceived: number;
  readonly packetsSent: number;
  readonly packetsLost: number;
  readonly packetsRetransmitted: number;
  /** Declared lost, then acknowledged after all. */
  readonly packetsSpurious: number;
  /** Packets of forward error correction, which are counted in `packetsSent` and `wireBytesSent` too. */
  readonly repairPacketsSent: number;
  readonly repairBytesSent: number;
  /** Packets of the peer that were lost, and rebuilt here. */
  readonly packetsRecovered: number;
  /** Share that the path loses by itself, 0 to 1, as far as it is known. */
  readonly pathLoss: number;
  /** Microseconds; null before the first sample. */
  readonly minRttUs: number | null;
  readonly smoothedRttUs: number | null;
  readonly queueDelayUs: number | null;
  /** Bytes per second. */
  readonly pacingBytesPerSecond: number;
  readonly bandwidthBytesPerSecond: number;
  readonly congestionWindow: number;
  readonly bytesInFlight: number;
  /** UDP payload bytes that the path is known to carry. */
  readonly mtu: number;
  readonly openStreams: number;
}

const IDLE: Omit<TunnelStats, 'state'> = {
  congestionState: 'none',
  wireBytesSent: 0,
  wireBytesReceived: 0,
  packetsSent: 0,
  packetsLost: 0,
  packetsRetransmitted: 0,
  packetsSpurious: 0,
  repairPacketsSent: 0,
  repairBytesSent: 0,
  packetsRecovered: 0,
  pathLoss: 0,
  minRttUs: null,
  smoothedRttUs: null,
  queueDelayUs: null,
  pacingBytesPerSecond: 0,
  bandwidthBytesPerSecond: 0,
  congestionWindow: 0,
  bytesInFlight: 0,
  mtu: 0,
  openStreams: 0,
};

export function tunnelStats(tunnel: Tunnel): TunnelStats {
  const { transport } = tunnel;
  if (transport === undefined) return { state: 'connecting', ...IDLE };
  const { loss, rtt, received, congestion, sender } = transport;
  return {
    state: tunnel.up ? 'up' : 'down',
    congestionState: congestion.state,
    wireBytesSent: sender.wireBytesSent,
    wireBytesReceived: received.deliveredBytes,
    packetsSent: sender.packetsSent,
    packetsLost: loss.packetsLost,
    packetsRetransmitted: sender.packetsRetransmitted,
    packetsSpurious: loss.packetsSpurious,
    repairPacketsSent: sender.repair.packetsSent,
    repairBytesSent: sender.repair.bytesSent,
    packetsRecovered: transport.packetsRecovered,
    pathLoss: loss.pathLoss.share,
    minRttUs: rtt.hasSample ? rtt.minUs : null,
    smoothedRttUs: rtt.hasSample ? rtt.smoothedUs : null,
    queueDelayUs: rtt.hasSample ? Math.max(0, rtt.smoothedUs - rtt.minUs) : null,
    pacingBytesPerSecond: transport.pacingRate * 1e6,
    bandwidthBytesPerSecond: congestion.bandwidth * 1e6,
    congestionWindow: congestion.congestionWindow,
    bytesInFlight: loss.inFlight,
    mtu: transport.mtu.current,
    openStreams: transport.streamCount,
  };
}
