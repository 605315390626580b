import { z } from 'zod';

export const TRANSPORTS = ['cubic', 'bbr', 'longhaul', 'kcptun'] as const;

/** The kernel's TCP with that congestion control, or TCP through two programs in user space. */
export type Transport = (typeof TRANSPORTS)[number];

export const linkSeriesSchema = z.object({
  /** Since the run began, before the connection was opened. */
  atSeconds: z.array(z.number()),
  /** In the emulated queue at that moment, IP bytes. */
  queueBytes: z.array(z.number()),
  /** IP bytes that left the queue since the sample before, as a rate. */
  wireMbps: z.array(z.number()),
});

/** What one direction of the link did in the course of a run; the arrays have the same length. */
export type LinkSeries = z.output<typeof linkSeriesSchema>;

const roundTripsSchema = z.object({ min: z.number(), smoothed: z.number() });

/** Milliseconds. */
export type RoundTrips = z.output<typeof roundTripsSchema>;

export const transferResultSchema = z.object({
  link: z.string(),
  /** IP bytes. */
  linkMbps: z.number(),
  workload: z.string(),
  transport: z.enum(TRANSPORTS),
  seed: z.number(),
  /** Application bytes at the sink. */
  bytes: z.number(),
  /** From the first byte at the sink to the last, or the time asked for. */
  seconds: z.number(),
  goodputMbps: z.number(),
  /** Most that a tunnel with headers of 60 bytes could carry here, by the link's rate and loss. */
  limitMbps: z.number(),
  /** After the first two seconds; null for shorter runs. */
  steadyMbps: z.number().nullable(),
  /** Of each whole half second from the first byte at the sink on. */
  seriesMbps: z.array(z.number()),
  /** IP bytes that the link carried from source to sink in the meantime. */
  bytesOnWire: z.number(),
  /** IP bytes from source to sink whose fate was known by the end: delivered, lost or dropped. */
  bytesSettled: z.number(),
  /** IP bytes that it carried the other way. */
  bytesOnWireBack: z.number(),
  /** User and system time of each process (`agentA` and `agentB`: the programs of a tunnel), from before the connection to the last byte. */
  cpuSeconds: z.record(z.string(), z.number()),
  /** Every byte was compared with the workload at the sink. */
  intact: z.boolean(),
  /** As read back from the source's socket; through a tunnel the source's TCP only reaches its near end. */
  congestionControl: z.string(),
  tcpSegmentsResent: z.number(),
  queue: z.object({
    /** What a full queue holds. */
    limitBytes: z.number(),
    maxBytes: z.number(),
    /** Over time. */
    meanBytes: z.number(),
    /** Mean, over windows of 100 ms, of the least in the window: what never drains. */
    standingBytes: z.number(),
    tailDrops: z.number(),
  }),
  /** Queue and rate of the link from source to sink in the course of the run. */
  linkSeries: linkSeriesSchema,
  /** As the transport saw it at the end; through a tunnel, its near end; null if that does not say. */
  rttMs: roundTripsSchema.nullable(),
  /** Packets that the link itself lost, of those from source to sink. */
  randomLosses: z.number(),
  /** How late the emulator delivered, 99 of 100 packets at most. */
  latenessP99Us: z.number(),
  /** Time that the host withheld during the run. */
  stolenSeconds: z.number(),
});

/** One transfer over one TCP connection. */
export type TransferResult = z.output<typeof transferResultSchema>;
