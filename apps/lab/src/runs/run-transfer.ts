import {
  type DirectionStatistics,
  goodputLimitMbps,
  type Link,
  queueBytes,
  runStream,
  type StreamResult,
  TUNNEL_HEADER_BYTES,
} from '@longhaul/wan-emulator';
import type { LabNetwork } from '../network/lab-network.js';
import { addressesOf } from '../transports/tunnel-addresses.js';
import { startTunnelTransport, type TunnelTransport } from '../transports/tunnel-transport.js';
import type { Workload } from '../workloads/workload.js';
import { onWarmMachine, prepareLink } from './quiet-link.js';
import { type RunUsage, RunWatch } from './run-watch.js';
import { mbps, seriesMbps, steadyMbps } from './series.js';
import type { RoundTrips, TransferResult, Transport } from './transfer-result.js';
import { refuseVoidRun } from './void-run.js';

/** Where the source connects to at site a, and where the sink listens at site b. */
export const TRANSFER_PORTS = { forwardPort: 9001, targetPort: 9000 };

export interface TransferOptions {
  network: LabNetwork;
  link: Link;
  workload: Workload;
  transport: Transport;
  /** Its programs, if they run already: with `TRANSFER_PORTS`, and no longer cold. Default: new ones for this run. */
  tunnel?: TunnelTransport;
  /** Of the link's losses and of random bytes. */
  seed: number;
  /** Run for so long from the first byte at the sink, or send so many bytes. */
  seconds?: number;
  bytes?: number;
  /** Bound on a run by bytes. Default ten minutes. */
  maxSeconds?: number;
}

/** Sends a workload over a link; cold, nothing remembers an earlier run, unless a running tunnel is given. */
export async function runTransfer(options: TransferOptions): Promise<TransferResult> {
  const { network, link, seed, transport } = options;
  await prepareLink(network, link, seed);
  if (options.tunnel) return onWarmMachine(network, () => measure(options, options.tunnel));
  const tunnel = await startTunnelTransport(transport, network, link, TRANSFER_PORTS);
  try {
    return await onWarmMachine(network, () => measure(options, tunnel));
  } finally {
    await tunnel?.stop();
  }
}

async function measure(
  options: TransferOptions,
  tunnel: TunnelTransport | undefined,
): Promise<TransferResult> {
  const { network, workload, transport, seed } = options;
  const tunnelPids = tunnel && { agentA: tunnel.pids.a, agentB: tunnel.pids.b };
  const watch = await RunWatch.begin(network, { emulator: network.emulator.pid, ...tunnelPids });
  let usage: RunUsage | undefined;
  let tunnelRtt: RoundTrips | undefined;
  const stream = await runStream({
    from: network.a,
    to: network.b,
    ...addressesOf(TRANSFER_PORTS, tunnel !== undefined),
    congestion: tunnel ? undefined : transport,
    pattern: workload.pattern(seed),
    seconds: options.seconds,
    bytes: options.bytes,
    maxSeconds: options.maxSeconds,
    onFinished: async () => {
      usage = await watch.end();
      tunnelRtt = await tunnel?.rttMs();
    },
  }).finally(() => watch.abandon());
  if (!usage) throw new Error('the run ended without statistics');
  checkStream(stream, options, tunnel !== undefined);
  const { bytes, seconds } = stream.sink;
  refuseVoidRun({ ...usage, link: options.link, bytes, seconds, mayShrink: shrinks(options) });
  return resultOf(options, stream, usage, tunnel ? (tunnelRtt ?? null) : socketRtt(stream));
}

function socketRtt({ source }: StreamResult): RoundTrips {
  return { min: source.minRttUs / 1e3, smoothed: source.rttUs / 1e3 };
}

function shrinks({ transport, workload }: TransferOptions): boolean {
  return transport === 'longhaul' && workload.name !== 'random';
}

function resultOf(
  options: TransferOptions,
  { sink, source }: StreamResult,
  usage: RunUsage,
  rttMs: RoundTrips | null,
): TransferResult {
  const { aToB, bToA } = usage.statistics;
  return {
    link: options.link.name,
    linkMbps: options.link.rateMbps,
    workload: options.workload.name,
    transport: options.transport,
    seed: options.seed,
    bytes: sink.bytes,
    seconds: sink.seconds,
    goodputMbps: mbps(sink.bytes, sink.seconds),
    limitMbps: goodputLimitMbps(options.link, TUNNEL_HEADER_BYTES),
    steadyMbps: steadyMbps(sink),
    seriesMbps: seriesMbps(sink),
    bytesOnWire: aToB.wireBytes,
    bytesSettled: settledBytes(aToB),
    bytesOnWireBack: bToA.wireBytes,
    cpuSeconds: { source: source.cpuSeconds, sink: sink.cpuSeconds, ...usage.cpuSeconds },
    intact: sink.intact,
    congestionControl: source.congestion,
    tcpSegmentsResent: source.segmentsResent,
    queue: queueOf(aToB, options.link),
    linkSeries: usage.series,
    rttMs,
    randomLosses: aToB.randomLosses,
    latenessP99Us: Math.max(aToB.latenessP99Us, bToA.latenessP99Us),
    stolenSeconds: usage.stolenSeconds,
  };
}

function settledBytes(statistics: DirectionStatistics): number {
  const { deliveredBytes, tailDropBytes, randomLosses, wireBytes, wirePackets } = statistics;
  const lostBytes = wirePackets === 0 ? 0 : randomLosses * (wireBytes / wirePackets);
  return Math.round(deliveredBytes + tailDropBytes + lostBytes);
}

function queueOf(statistics: DirectionStatistics, link: Link): TransferResult['queue'] {
  return {
    limitBytes: queueBytes(link),
    maxBytes: statistics.queueMaxBytes,
    meanBytes: statistics.queueMeanBytes,
    standingBytes: statistics.queueStandingBytes,
    tailDrops: statistics.tailDrops,
  };
}

function checkStream(
  { sink, source }: StreamResult,
  { transport, bytes, seconds }: TransferOptions,
  tunnelled: boolean,
): void {
  if (!tunnelled && source.congestion !== transport) {
    throw new Error(`asked for congestion control ${transport}, the socket had ${source.congestion}`);
  }
  if (bytes !== undefined && (sink.ended !== 'end' || sink.bytes !== bytes)) {
    throw new Error(`the sink had ${sink.bytes} of ${bytes} bytes when the run ended (${sink.ended})`);
  }
  if (seconds !== undefined && sink.ended !== 'time') {
    throw new Error(`the connection ended (${sink.ended}) after ${sink.bytes} bytes, before its time`);
  }
}
