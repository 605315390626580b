import { z } from 'zod';
import { GRACE_MS, type Site, start, startListening } from './traffic-program.js';

const countingSchema = z.object({ event: z.literal('counting'), connections: z.int() });

const sinkSchema = z.object({
  event: z.literal('done'),
  /** Accepted. */
  connections: z.int(),
  /** Ended before the sink ended them. */
  closedEarly: z.int(),
  /** With at least one wrong byte. */
  broken: z.int(),
  /** Of the count. */
  seconds: z.number(),
  cpuSeconds: z.number(),
  /** Of each connection in that time, in the order of their acceptance. */
  bytes: z.array(z.number()),
});

/** What the sink of a crowd saw. */
export type CrowdResult = z.output<typeof sinkSchema>;

export interface CrowdOptions {
  from: Site;
  to: Site;
  /** Where the sink listens, `address:port`. */
  listen: string;
  /** Where the source connects; the sink's own address unless something stands between them. */
  connect?: string;
  /** Connections at once, up to the limit of open files. */
  count: number;
  /** Counted from the moment on when the last connection is there, or is waited for no more. */
  seconds: number;
  /** So long it waits for all connections; those that are there by then are counted alone. */
  connectSeconds: number;
  /** The sink never reads. */
  stalled?: boolean;
  /** Called when the count begins. */
  onCounting?: () => void;
}

/** Writes on many TCP connections at once for a time; every byte that is read is compared. */
export async function runCrowd(options: CrowdOptions): Promise<CrowdResult> {
  const { from, to, listen, connect = listen, count, seconds, connectSeconds } = options;
  const mode = options.stalled ? 'crowd-stall' : 'crowd-sink';
  const sink = await startListening(to, mode, { listen, count, seconds, 'wait-seconds': connectSeconds });
  const source = start(from, 'crowd-source', {
    ...{ connect, count, 'wait-seconds': connectSeconds + seconds + GRACE_MS / 1000 },
  });
  try {
    await sink.read(countingSchema, connectSeconds * 1000 + GRACE_MS);
    options.onCounting?.();
    return await sink.read(sinkSchema, seconds * 1000 + GRACE_MS);
  } finally {
    await Promise.all([sink.stop(), source.stop()]);
  }
}
