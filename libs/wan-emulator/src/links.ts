import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** IP bytes of a full packet; the same on every emulated link. */
export const MTU_BYTES = 1500;
/** IP, TCP and timestamp headers of a full TCP segment of the kernel. */
const TCP_HEADER_BYTES = 52;
/** Most that a full packet of the tunnel may spend on IP, UDP, its own header, frame and tag. */
export const TUNNEL_HEADER_BYTES = 60;
/** A queue holds at least this much, so that short links are not all tail drop. */
const MIN_QUEUE_BYTES = 256_000;

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'a link name is lower-case letters, digits and dashes');

const linkSchema = z
  .strictObject({
    name,
    title: z.string().min(1),
    rate_mbps: z.number().positive().max(100_000),
    rtt_ms: z.number().min(0).max(60_000),
    loss_pct: z.number().min(0).max(100),
    jitter_ms: z.number().min(0),
    jitter_model: z.enum(['wander', 'independent']).default('wander'),
    duplicate_pct: z.number().min(0).max(100).default(0),
    source: z.enum(['report', 'added', 'custom']).default('custom'),
  })
  .refine((link) => link.jitter_ms <= link.rtt_ms / 2, {
    error: 'jitter_ms may not exceed the one-way delay (half of rtt_ms)',
    path: ['jitter_ms'],
  })
  .transform((link) => ({
    name: link.name,
    title: link.title,
    rateMbps: link.rate_mbps,
    rttMs: link.rtt_ms,
    lossPct: link.loss_pct,
    jitterMs: link.jitter_ms,
    jitterModel: link.jitter_model,
    duplicatePct: link.duplicate_pct,
    source: link.source,
  }));

/** An emulated link. Loss, jitter and duplication apply each way, half of `rttMs` each way. */
export type Link = z.output<typeof linkSchema>;

const seconds = z.record(name, z.number().positive());

const linkFileSchema = z
  .strictObject({
    about: z.string(),
    links: z.array(linkSchema).min(1),
    report_seconds: z.strictObject({ about: z.string(), unaccelerated: seconds, accelerated: seconds }),
  })
  .transform((file) => ({
    about: file.about,
    links: file.links,
    reportSeconds: {
      unaccelerated: file.report_seconds.unaccelerated,
      accelerated: file.report_seconds.accelerated,
    },
  }));

export type LinkFile = z.output<typeof linkFileSchema>;

/** Checks one link in the form of links.json; throws an Error that names the field. */
export function parseLink(value: unknown): Link {
  return check(linkSchema, value, 'link');
}

/** Reads a file of links, the package's own by default; throws an Error that names the field. */
export function loadLinks(file: URL | string = new URL('../links.json', import.meta.url)): LinkFile {
  return check(linkFileSchema, JSON.parse(readFileSync(file, 'utf8')), String(file));
}

/** The link of that name; throws an Error that lists the names there are. */
export function findLink(links: readonly Link[], wanted: string): Link {
  const found = links.find((link) => link.name === wanted);
  if (found) return found;
  throw new Error(`there is no link "${wanted}"; there are ${links.map((link) => link.name).join(', ')}`);
}

/** Bytes of the tail-drop queue: one bandwidth-delay product, at least 256 kB. */
export function queueBytes(link: Link): number {
  return Math.max(Math.round((link.rateMbps * 1e6 * link.rttMs) / 1e3 / 8), MIN_QUEUE_BYTES);
}

/**
 * Most application bytes a transport can carry, Mbit/s: the rate without its headers and what the link loses.
 * `headerBytes` are those of a full packet, IP included; the kernel's TCP by default.
 */
export function goodputLimitMbps(link: Link, headerBytes = TCP_HEADER_BYTES): number {
  return ((link.rateMbps * (MTU_BYTES - headerBytes)) / MTU_BYTES) * (1 - link.lossPct / 100);
}

function check<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new Error(`${what}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`);
}
