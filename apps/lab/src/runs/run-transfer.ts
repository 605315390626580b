import {
  type DirectionStatistics,
  goodputLimitMbps,
  type Link,
  queueBytes,
  runStream,
  type StreamResult,
  TUNNEL_HEADER_BYTES,
  warmMemory,
} from '@longhaul/wan-emulator';
import { type LabNetwork, SITE_ADDRESSES } from '../network/lab-network.js';
import { AgentPair } from '../transports/agent-pair.js';
import type { Workload } from '../workloads/workload.js';
import { type RunUsage, RunWatch } from './run-watch.js';
import { mbps, seriesMbps, steadyMbps } from './series.js';
import type { RoundTrips, TransferResult, Transport } from './transfer-result.js';
import { refuseVoidRun } from './void-run.js';

const SINK_PORT = 9000;
const FORWARD_PORT = 9001;
/** Memory that is touched before a run, so that buffers do not pay for fresh pages. */
const WARM_BYTES = 128 << 20;

export interface TransferOptions {
  network: LabNetwork;
  link: Link;
  workload: Workload;
  transport: Transport;
  /** Of the link's losses and of random bytes. */
  seed: number;
  /** Run for so long from the first byte at the sink, or send so many bytes. */
  seconds?: number;
  bytes?: number;
  /** Bound on a run by bytes. Default ten minutes. */
  maxSeconds?: number;
}

/** Sends a workload over a link, cold: nothing in the network remembers an earlier run. */
export async function runTransfer(options: TransferOptions): Promise<TransferResult> {
  const { network, link, seed, transport } = options;
  const { emulator } = network;
  await network.setLink(link);
  await emulator.flush();
  await emulator.seed(seed);
  const agents = transport === 'longhaul' ? await startAgents(network) : undefined;
  try {
    await warmMemory(network.b, WARM_BYTES);
    await emulator.spin(true);
    return await measure(options, agents);
  } finally {
    await emulator.spin(false);
    await agents?.stop();
  }
}

function startAgents(network: LabNetwork): Promise<AgentPair> {
  return AgentPair.start(network, { forwardPort: FORWARD_PORT, targetPort: SINK_PORT, profile: 'lossy' });
}

async function measure(options: TransferOptions, agents: AgentPair | undefined): Promise<TransferResult> {
  const { network, workload, transport, seed } = options;
  const agentPids = agents && { agentA: agents.pids.a, agentB: agents.pids.b };
  const watch = await RunWatch.begin(network, { emulator: network.emulator.pid, ...agentPids });
  let usage: RunUsage | undefined;
  let tunnelRtt: RoundTrips | undefined;
  const stream = await runStream({
    from: network.a,
    to: network.b,
    listen: `${SITE_ADDRESSES.b.wan}:${SINK_PORT}`,
    connect: agents && `${SITE_ADDRESSES.a.wan}:${FORWARD_PORT}`,
    congestion: agents ? undefined : transport,
    pattern: workload.pattern(seed),
    seconds: options.seconds,
    bytes: options.bytes,
    maxSeconds: options.maxSeconds,
    onFinished: async () => {
      usage = await watch.end();
      tunnelRtt = await agents?.rttMs('a');
    },
  }).finally(() => watch.abandon());
  if (!usage) throw new Error('the run ended without statistics');
  checkStream(stream, options);
  const { bytes, seconds } = stream.sink;
  refuseVoidRun({ ...usage, link: options.link, bytes, seconds, mayShrink: shrinks(options) });
  return resultOf(options, stream, usage, agents ? (tunnelRtt ?? null) : socketRtt(stream));
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

function queueOf(statistics: DirectionStatistics, link: Link): TransferResult['queue'] {
  return {
    limitBytes: queueBytes(link),
    maxBytes: statistics.queueMaxBytes,
    meanBytes: statistics.queueMeanBytes,
    standingBytes: statistics.queueStandingBytes,
    tailDrops: statistics.tailDrops,
  };
}

function checkStream({ sink, source }: StreamResult, { transport, bytes, seconds }: TransferOptions): void {
  if (transport !== 'longhaul' && source.congestion !== transport) {
    throw new Error(`asked for congestion control ${transport}, the socket had ${source.congestion}`);
  }
  if (bytes !== undefined && (sink.ended !== 'end' || sink.bytes !== bytes)) {
    throw new Error(`the sink had ${sink.bytes} of ${bytes} bytes when the run ended (${sink.ended})`);
  }
  if (seconds !== undefined && sink.ended !== 'time') {
    throw new Error(`the connection ended (${sink.ended}) after ${sink.bytes} bytes, before its time`);
  }
}
