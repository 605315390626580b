import type { DataPlaneStatistics, LinkStatistics } from '@longhaul/edge';

/** A tunnel as `longhaul agent status` shows it. Rates are of the last seconds. */
export interface TunnelReport {
  readonly peerId: string;
  readonly peerName: string;
  readonly state: 'up' | 'connecting' | 'down';
  readonly congestionState: string;
  /** Application bytes, before compression. */
  readonly sentMbps: number;
  readonly receivedMbps: number;
  /** The same after compression. */
  readonly encodedSentMbps: number;
  readonly encodedReceivedMbps: number;
  /** UDP payload, all of the tunnel's own included. */
  readonly wireSentMbps: number;
  readonly wireReceivedMbps: number;
  readonly minRttMs: number | null;
  readonly smoothedRttMs: number | null;
  readonly queueDelayMs: number | null;
  /** Packets declared lost and sent again, of those sent; in the last seconds. */
  readonly lossPct: number;
  readonly retransmitPct: number;
  readonly pacingMbps: number;
  readonly mtu: number;
  readonly openStreams: number;
  /** Since the agent began. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Since the tunnel was made. */
  readonly packetsSent: number;
  readonly packetsLost: number;
  readonly packetsRetransmitted: number;
  readonly packetsSpurious: number;
}

/** Everything that the status socket serves. */
export interface AgentReport {
  readonly name: string;
  readonly version: string;
  readonly pid: number;
  readonly startedAtMs: number;
  /** Whether its code is compiled, about a second after the start: before, transfers are slower. */
  readonly rehearsed: boolean;
  readonly source: Readonly<Record<string, unknown>>;
  readonly tunnelPort: number;
  /** `lost`: connections go straight though the state says that they are intercepted; tried again until it is back. */
  readonly interception: 'off' | 'on' | 'lost';
  /** Threads among which the tunnels are shared out. */
  readonly dataPlaneWorkers: number;
  readonly activeFlows: number;
  readonly udp: DataPlaneStatistics['udp'];
  readonly tunnels: readonly TunnelReport[];
}

/** Rates are measured over at least so long. */
const RATE_WINDOW_MS = 2000;

/** Remembers the snapshots of the last seconds, so that counters become rates. */
export class RateWindow {
  private readonly history: DataPlaneStatistics[] = [];

  add(statistics: DataPlaneStatistics): void {
    this.history.push(statistics);
    const beforeMs = statistics.atMs - RATE_WINDOW_MS;
    while (this.history.length > 2 && this.history[1].atMs <= beforeMs) this.history.shift();
  }

  get latest(): DataPlaneStatistics | undefined {
    return this.history.at(-1);
  }

  tunnels(nameOf: (peerId: string) => string): TunnelReport[] {
    const { latest } = this;
    if (latest === undefined) return [];
    const [oldest] = this.history;
    const seconds = Math.max(0.001, (latest.atMs - oldest.atMs) / 1000);
    return latest.links.map((link) => {
      const before = oldest.links.find(({ peerId }) => peerId === link.peerId);
      return tunnelReport(nameOf(link.peerId), link, before ?? link, seconds);
    });
  }
}

function tunnelReport(
  peerName: string,
  { peerId, tunnel, bytes }: LinkStatistics,
  before: LinkStatistics,
  seconds: number,
): TunnelReport {
  /** A counter that began anew has nothing to compare with. */
  const grown = (now: number, then: number): number => (now >= then ? now - then : now);
  const mbps = (now: number, then: number): number => (grown(now, then) * 8) / 1e6 / seconds;
  const sent = grown(tunnel.packetsSent, before.tunnel.packetsSent);
  const share = (now: number, then: number): number => (sent === 0 ? 0 : (100 * grown(now, then)) / sent);
  const ms = (us: number | null): number | null => (us === null ? null : us / 1000);
  return {
    peerId,
    peerName,
    state: tunnel.state,
    congestionState: tunnel.congestionState,
    sentMbps: mbps(bytes.sent, before.bytes.sent),
    receivedMbps: mbps(bytes.received, before.bytes.received),
    encodedSentMbps: mbps(bytes.encodedSent, before.bytes.encodedSent),
    encodedReceivedMbps: mbps(bytes.encodedReceived, before.bytes.encodedReceived),
    wireSentMbps: mbps(tunnel.wireBytesSent, before.tunnel.wireBytesSent),
    wireReceivedMbps: mbps(tunnel.wireBytesReceived, before.tunnel.wireBytesReceived),
    minRttMs: ms(tunnel.minRttUs),
    smoothedRttMs: ms(tunnel.smoothedRttUs),
    queueDelayMs: ms(tunnel.queueDelayUs),
    lossPct: share(tunnel.packetsLost, before.tunnel.packetsLost),
    retransmitPct: share(tunnel.packetsRetransmitted, before.tunnel.packetsRetransmitted),
    pacingMbps: (tunnel.pacingBytesPerSecond * 8) / 1e6,
    mtu: tunnel.mtu,
    openStreams: tunnel.openStreams,
    bytesSent: bytes.sent,
    bytesReceived: bytes.received,
    packetsSent: tunnel.packetsSent,
    packetsLost: tunnel.packetsLost,
    packetsRetransmitted: tunnel.packetsRetransmitted,
    packetsSpurious: tunnel.packetsSpurious,
  };
}
