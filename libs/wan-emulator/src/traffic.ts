import { z } from 'zod';
import { GRACE_MS, type Site, start, startListening } from './traffic-program.js';

/** The bytes of a workload: `random:SEED` never repeats, `file:PATH` starts again at its end. */
export type Pattern = `random:${number}` | `file:${string}`;

// ---- one TCP connection ---------------------------------------------------------------------------------

const sinkSchema = z.object({
  event: z.literal('done'),
  /** Application bytes that came, all of them compared with the pattern. */
  bytes: z.number(),
  /** From the first byte to the last, or the time asked for. */
  seconds: z.number(),
  ended: z.enum(['time', 'end', 'reset', 'timeout', 'error']),
  intact: z.boolean(),
  firstMismatch: z.number().nullable(),
  cpuSeconds: z.number(),
  intervalMs: z.number(),
  /** Bytes in each interval since the first byte. */
  series: z.array(z.number()),
});

export type SinkResult = z.output<typeof sinkSchema>;

const sourceSchema = z.object({
  event: z.enum(['connected', 'done']),
  bytes: z.number(),
  /** As read back from the socket. */
  congestion: z.string(),
  cpuSeconds: z.number(),
  segmentsSent: z.number(),
  segmentsResent: z.number(),
  rttUs: z.number(),
  minRttUs: z.number(),
});

export type SourceResult = z.output<typeof sourceSchema>;

export interface StreamOptions {
  from: Site;
  to: Site;
  /** Where the sink listens, `address:port`. */
  listen: string;
  /** Where the source connects; the sink's own address unless something stands between them. */
  connect?: string;
  pattern: Pattern;
  /** Seconds at the sink from its first byte on; or `bytes`, to the last of them. */
  seconds?: number;
  bytes?: number;
  /** TCP congestion control of the source's socket; the system's default if left out. */
  congestion?: string;
  /** Bound on the whole. Default: `seconds` plus a minute, or ten minutes. */
  maxSeconds?: number;
  /** Called when the source has been told to begin, with the processes that can be looked at. */
  onStarted?: (pids: { source: number; sink: number }) => void;
  /** Called at once when the sink has everything. */
  onFinished?: () => Promise<void>;
}

export interface StreamResult {
  sink: SinkResult;
  source: SourceResult;
}

/** Sends a pattern over one TCP connection and compares every byte at its end. */
export async function runStream(options: StreamOptions): Promise<StreamResult> {
  const maxSeconds = options.maxSeconds ?? (options.seconds === undefined ? 600 : options.seconds + 60);
  const waitSeconds = maxSeconds;
  const sink = await startListening(options.to, 'sink', {
    listen: options.listen,
    pattern: options.pattern,
    seconds: options.seconds,
    'wait-seconds': waitSeconds,
  });
  const source = start(options.from, 'source', {
    connect: options.connect ?? options.listen,
    pattern: options.pattern,
    bytes: options.bytes,
    congestion: options.congestion,
  });
  try {
    options.onStarted?.({ source: source.pid, sink: sink.pid });
    await source.read(sourceSchema, maxSeconds * 1000);
    const received = await sink.read(sinkSchema, maxSeconds * 1000 + GRACE_MS);
    await options.onFinished?.();
    const sent = await source.read(sourceSchema, GRACE_MS);
    return { sink: received, source: sent };
  } finally {
    await Promise.all([sink.stop(), source.stop()]);
  }
}

// ---- probes ---------------------------------------------------------------------------------------------

const spreadSchema = z.object({ min: z.number(), p50: z.number(), p99: z.number(), max: z.number() });

const pingSchema = z.object({
  event: z.literal('done'),
  sent: z.number(),
  received: z.number(),
  rttUs: spreadSchema,
  outwardUs: spreadSchema,
});

export type PingResult = z.output<typeof pingSchema>;

export interface PingOptions {
  from: Site;
  to: Site;
  /** Where the echo listens, `address:port`. */
  listen: string;
  count: number;
  intervalMs: number;
  /** How long to wait for the last echo. */
  waitMs: number;
}

/** UDP round trips, several in flight at once on a long link. */
export async function ping(options: PingOptions): Promise<PingResult> {
  const echo = await startListening(options.to, 'echo', { listen: options.listen });
  const pinger = start(options.from, 'ping', {
    connect: options.listen,
    count: options.count,
    'interval-us': options.intervalMs * 1000,
    'wait-seconds': options.waitMs / 1000,
  });
  try {
    return await pinger.read(pingSchema, options.count * options.intervalMs + options.waitMs + GRACE_MS);
  } finally {
    await Promise.all([echo.stop(), pinger.stop()]);
  }
}

const floodSchema = z.object({ event: z.literal('done'), packets: z.number(), seconds: z.number() });

const countSchema = z.object({
  event: z.literal('done'),
  packets: z.number(),
  duplicates: z.number(),
  reordered: z.number(),
  highest: z.number(),
  ipBytes: z.number(),
  seconds: z.number(),
  rateMbps: z.number(),
});

export interface FloodOptions {
  from: Site;
  to: Site;
  /** Where the flood is counted, `address:port`. */
  listen: string;
  /** Of IP bytes. */
  rateMbps: number;
  seconds: number;
  /** UDP payload; default a full packet of 1500 bytes. */
  payloadBytes?: number;
  /** Ends after so many packets, if not earlier by time. */
  packets?: number;
  /** The tally ends when nothing has come for so long. */
  idleMs: number;
}

export interface FloodResult {
  sentPackets: number;
  receivedPackets: number;
  duplicates: number;
  reordered: number;
  /** Of IP bytes at the receiver. */
  rateMbps: number;
}

/** Numbered UDP packets at a rate, tallied at the far end. */
export async function flood(options: FloodOptions): Promise<FloodResult> {
  const tally = await startListening(options.to, 'count', {
    listen: options.listen,
    'idle-ms': options.idleMs,
    'wait-seconds': options.seconds + options.idleMs / 1000 + 5,
  });
  const flooder = start(options.from, 'flood', {
    connect: options.listen,
    'rate-mbps': options.rateMbps,
    seconds: options.seconds,
    size: options.payloadBytes,
    count: options.packets,
  });
  try {
    const sent = await flooder.read(floodSchema, options.seconds * 1000 + GRACE_MS);
    const counted = await tally.read(countSchema, options.idleMs + 2 * GRACE_MS);
    return {
      sentPackets: sent.packets,
      receivedPackets: counted.packets,
      duplicates: counted.duplicates,
      reordered: counted.reordered,
      rateMbps: counted.rateMbps,
    };
  } finally {
    await Promise.all([tally.stop(), flooder.stop()]);
  }
}

/** Touches so many bytes of memory and frees them: see warm.c. */
export async function warmMemory(site: Site, bytes: number): Promise<void> {
  const program = start(site, 'warm', { bytes });
  try {
    await program.read(z.object({ event: z.literal('done') }), 60_000);
  } finally {
    await program.stop();
  }
}
