import { z } from 'zod';
import { GRACE_MS, type Site, start, startListening } from './traffic-program.js';

const completeSchema = z.object({ event: z.literal('complete'), connections: z.int() });

const sinkSchema = z.object({
  event: z.literal('done'),
  /** Accepted. */
  connections: z.int(),
  /** Ended before the sink ended them. */
  closedEarly: z.int(),
  /** With at least one wrong byte. */
  broken: z.int(),
  /** Since all connections are there. */
  seconds: z.number(),
  cpuSeconds: z.number(),
  /** Of each connection in that time, in the order of their acceptance. */
  bytes: z.array(z.number()),
});

const sourceSchema = z.object({
  event: z.literal('done'),
  /** That took at least one byte. */
  connections: z.int(),
  bytes: z.number(),
  cpuSeconds: z.number(),
});

export interface CrowdOptions {
  from: Site;
  to: Site;
  /** Where the sink listens, `address:port`. */
  listen: string;
  /** Where the source connects; the sink's own address unless something stands between them. */
  connect?: string;
  /** Connections at once, up to the limit of open files. */
  count: number;
  /** Counted from the moment on when the last connection is there. */
  seconds: number;
  /** Bound on the wait for all connections. */
  connectSeconds: number;
  /** The sink never reads. */
  stalled?: boolean;
  /** Called when all connections are there. */
  onComplete?: () => void;
}

export interface CrowdResult {
  sink: z.output<typeof sinkSchema>;
  source: z.output<typeof sourceSchema>;
}

/** Writes on many TCP connections at once for a time; every byte that is read is compared. */
export async function runCrowd(options: CrowdOptions): Promise<CrowdResult> {
  const { from, to, listen, connect = listen, count, seconds, connectSeconds } = options;
  const patience = { 'wait-seconds': connectSeconds + seconds };
  const mode = options.stalled ? 'crowd-stall' : 'crowd-sink';
  const sink = await startListening(to, mode, { listen, count, seconds, ...patience });
  const source = start(from, 'crowd-source', { connect, count, ...patience });
  try {
    await sink.read(completeSchema, connectSeconds * 1000 + GRACE_MS);
    options.onComplete?.();
    const received = await sink.read(sinkSchema, seconds * 1000 + GRACE_MS);
    const sent = await source.read(sourceSchema, (connectSeconds + seconds) * 1000 + GRACE_MS);
    return { sink: received, source: sent };
  } finally {
    await Promise.all([sink.stop(), source.stop()]);
  }
}
