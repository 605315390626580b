import {
  type DirectionStatistics,
  type Link,
  queueBytes,
  runStream,
  type StreamResult,
  warmMemory,
} from '@longhaul/wan-emulator';
import { type LabNetwork, SITE_ADDRESSES } from '../network/lab-network.js';
import { AgentPair } from '../transports/agent-pair.js';
import type { Workload } from '../workloads/workload.js';
import { type RunUsage, RunWatch } from './run-watch.js';
import { mbps, seriesMbps, steadyMbps } from './series.js';
import { refuseVoidRun } from './void-run.js';

export const TRANSPORTS = ['cubic', 'bbr', 'longhaul'] as const;

/** The kernel's TCP with that congestion control, or TCP through two agents. */
export type Transport = (typeof TRANSPORTS)[number];

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

/** One transfer over one TCP connection. */
export interface TransferResult {
  link: string;
  workload: string;
  transport: Transport;
  seed: number;
  /** Application bytes at the sink. */
  bytes: number;
  /** From the first byte at the sink to the last, or the time asked for. */
  seconds: number;
  goodputMbps: number;
  /** After the first two seconds; null for shorter runs. */
  steadyMbps: number | null;
  seriesMbps: number[];
  /** IP bytes that the link carried from source to sink in the meantime. */
  bytesOnWire: number;
  /** IP bytes that it carried the other way. */
  bytesOnWireBack: number;
  /** User and system time of each process, from before the connection to the last byte. */
  cpuSeconds: Record<string, number>;
  /** Every byte was compared with the workload at the sink. */
  intact: boolean;
  /** As read back from the source's socket; through agents the source's TCP only reaches the near agent. */
  congestionControl: string;
  tcpSegmentsResent: number;
  queue: {
    limitBytes: number;
    maxBytes: number;
    meanBytes: number;
    standingBytes: number;
    tailDrops: number;
  };
  /** Packets that the link itself lost, of those from source to sink. */
  randomLosses: number;
  /** How late the emulator delivered, 99 of 100 packets at most. */
  latenessP99Us: number;
  /** Time that the host withheld during the run. */
  stolenSeconds: number;
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
    },
  });
  if (!usage) throw new Error('the run ended without statistics');
  checkStream(stream, options);
  const { bytes, seconds } = stream.sink;
  refuseVoidRun({ ...usage, link: options.link, bytes, seconds, mayShrink: shrinks(options) });
  return resultOf(options, stream, usage);
}

function shrinks({ transport, workload }: TransferOptions): boolean {
  return transport === 'longhaul' && workload.name !== 'random';
}

function resultOf(options: TransferOptions, { sink, source }: StreamResult, usage: RunUsage): TransferResult {
  const { aToB, bToA } = usage.statistics;
  return {
    link: options.link.name,
    workload: options.workload.name,
    transport: options.transport,
    seed: options.seed,
    bytes: sink.bytes,
    seconds: sink.seconds,
    goodputMbps: mbps(sink.bytes, sink.seconds),
    steadyMbps: steadyMbps(sink),
    seriesMbps: seriesMbps(sink),
    bytesOnWire: aToB.wireBytes,
    bytesOnWireBack: bToA.wireBytes,
    cpuSeconds: { source: source.cpuSeconds, sink: sink.cpuSeconds, ...usage.cpuSeconds },
    intact: sink.intact,
    congestionControl: source.congestion,
    tcpSegmentsResent: source.segmentsResent,
    queue: queueOf(aToB, options.link),
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
