import type { DataPlaneStatistics, LinkStatistics } from '@longhaul/edge';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { TelemetryStatistics } from '../control/telemetry/uplink.js';
import type { DataPlaneSnapshot } from '../data-plane/messages.js';
import { AGENT_VERSION } from '../version.js';

/** Where the figures come from when they are asked for. */
export interface MetricsSource {
  readonly name: string;
  latest(): DataPlaneStatistics | undefined;
  peerName(peerId: string): string;
  /** Of an agent that has a controller. */
  telemetry(): TelemetryStatistics | undefined;
}

/** Name, help, what it is, and how it is read; without its prefix. */
type Metric<T> = readonly [
  name: string,
  help: string,
  kind: 'counter' | 'gauge',
  read: (from: T) => number | null,
];

const seconds = (us: number | null): number | null => (us === null ? null : us / 1e6);

const TUNNEL: readonly Metric<LinkStatistics>[] = [
  ['up', 'Whether the tunnel to the peer is up.', 'gauge', ({ tunnel }) => (tunnel.state === 'up' ? 1 : 0)],
  ['sent_bytes_total', 'Application bytes, before compression.', 'counter', ({ bytes }) => bytes.sent],
  ['received_bytes_total', 'Application bytes.', 'counter', ({ bytes }) => bytes.received],
  ['encoded_sent_bytes_total', 'The same after compression.', 'counter', ({ bytes }) => bytes.encodedSent],
  [
    'encoded_received_bytes_total',
    'Before they were unpacked.',
    'counter',
    ({ bytes }) => bytes.encodedReceived,
  ],
  ['wire_sent_bytes_total', 'UDP payload.', 'counter', ({ tunnel }) => tunnel.wireBytesSent],
  ['wire_received_bytes_total', 'UDP payload.', 'counter', ({ tunnel }) => tunnel.wireBytesReceived],
  ['packets_sent_total', 'Packets sent.', 'counter', ({ tunnel }) => tunnel.packetsSent],
  ['packets_lost_total', 'Packets declared lost.', 'counter', ({ tunnel }) => tunnel.packetsLost],
  [
    'packets_retransmitted_total',
    'Packets sent again.',
    'counter',
    ({ tunnel }) => tunnel.packetsRetransmitted,
  ],
  [
    'packets_spurious_total',
    'Declared lost, then acknowledged after all.',
    'counter',
    ({ tunnel }) => tunnel.packetsSpurious,
  ],
  [
    'packets_recovered_total',
    'Lost on the way here, and rebuilt by error correction.',
    'counter',
    ({ tunnel }) => tunnel.packetsRecovered,
  ],
  ['rtt_seconds', 'Smoothed round trip.', 'gauge', ({ tunnel }) => seconds(tunnel.smoothedRttUs)],
  ['min_rtt_seconds', 'The least round trip of late.', 'gauge', ({ tunnel }) => seconds(tunnel.minRttUs)],
  [
    'queue_delay_seconds',
    'Standing queue at the bottleneck.',
    'gauge',
    ({ tunnel }) => seconds(tunnel.queueDelayUs),
  ],
  [
    'pacing_bytes_per_second',
    'Rate at which packets leave.',
    'gauge',
    ({ tunnel }) => tunnel.pacingBytesPerSecond,
  ],
  ['in_flight_bytes', 'Sent and not yet acknowledged.', 'gauge', ({ tunnel }) => tunnel.bytesInFlight],
  ['streams', 'Connections inside the tunnel.', 'gauge', ({ tunnel }) => tunnel.openStreams],
  ['mtu_bytes', 'UDP payload that the path is known to carry.', 'gauge', ({ tunnel }) => tunnel.mtu],
];

const PLANE: readonly Metric<DataPlaneStatistics>[] = [
  ['flows_active', 'TCP connections that are open.', 'gauge', ({ activeFlows }) => activeFlows],
  [
    'flow_records_dropped_total',
    'Records of ended connections that nobody read in time.',
    'counter',
    (all) => all.droppedFlowRecords,
  ],
  ['udp_packets_sent_total', 'Datagrams sent.', 'counter', ({ udp }) => udp.packetsSent],
  ['udp_packets_received_total', 'Datagrams received.', 'counter', ({ udp }) => udp.packetsReceived],
  [
    'udp_send_errors_total',
    'Datagrams that the kernel did not take.',
    'counter',
    ({ udp }) => udp.sendErrors,
  ],
  [
    'udp_misdirected_total',
    'Datagrams that came to the wrong thread.',
    'counter',
    ({ udp }) => udp.misdirected,
  ],
];

const TELEMETRY: readonly Metric<TelemetryStatistics>[] = [
  [
    'telemetry_buffered_batches',
    'Batches that wait for the controller.',
    'gauge',
    (all) => all.bufferedBatches,
  ],
  ['telemetry_buffered_bytes', 'The same in bytes.', 'gauge', (all) => all.bufferedBytes],
  ['telemetry_delivered_batches_total', 'Batches that were taken.', 'counter', (all) => all.deliveredBatches],
  [
    'telemetry_dropped_batches_total',
    'Batches that newer ones pushed out.',
    'counter',
    (all) => all.droppedBatches,
  ],
  [
    'telemetry_dropped_records_total',
    'Records that came faster than they could be batched.',
    'counter',
    (all) => all.droppedRecords,
  ],
];

/** What an agent counts, for Prometheus. Read when it is asked for: nothing is spent on it otherwise. */
export class AgentMetrics {
  readonly registry = new Registry();
  private readonly endedFlows: Counter<'handling' | 'ended'>;

  constructor(source: MetricsSource) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    new Gauge({
      name: 'longhaul_agent_info',
      help: 'Always 1; its labels say which agent this is.',
      labelNames: ['name', 'version'],
      registers,
    }).set({ name: source.name, version: AGENT_VERSION }, 1);
    this.endedFlows = new Counter({
      name: 'longhaul_flows_ended_total',
      help: 'TCP connections that ended, by how they were handled and how they ended.',
      labelNames: ['handling', 'ended'],
      registers,
    });
    const latest = (): DataPlaneStatistics | undefined => source.latest();
    for (const metric of TUNNEL) {
      this.add('longhaul_tunnel_', metric, ['peer'], () =>
        (latest()?.links ?? []).map((link) => [{ peer: source.peerName(link.peerId) }, link]),
      );
    }
    for (const metric of PLANE) this.add('longhaul_', metric, [], () => once(latest()));
    for (const metric of TELEMETRY) this.add('longhaul_', metric, [], () => once(source.telemetry()));
  }

  /** Counts connections that ended since the snapshot before. */
  observe({ endedFlows }: DataPlaneSnapshot): void {
    for (const { handling, ended } of endedFlows) {
      this.endedFlows.inc({ handling, ended: ended ?? 'unknown' });
    }
  }

  private add<T, Label extends string>(
    prefix: string,
    [name, help, kind, read]: Metric<T>,
    labelNames: readonly Label[],
    subjects: () => readonly (readonly [labels: Record<Label, string>, subject: T])[],
  ): void {
    const Kind = kind === 'counter' ? Counter<Label> : Gauge<Label>;
    const metric = new Kind({
      name: `${prefix}${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      collect: () => {
        metric.reset();
        // Without labels there would be a 0 left, also of what cannot be read.
        if (labelNames.length === 0) metric.remove();
        for (const [labels, subject] of subjects()) {
          const value = read(subject);
          // Counters are counted elsewhere: each time from nought.
          if (value !== null) metric.inc(labels, value);
        }
      },
    });
  }
}

const once = <T>(subject: T | undefined): [Record<never, string>, T][] =>
  subject === undefined ? [] : [[{}, subject]];
