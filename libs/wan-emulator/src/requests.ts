import { z } from 'zod';
import { GRACE_MS, type Site, start, startListening } from './traffic-program.js';

const exchangesSchema = z.object({
  event: z.literal('done'),
  count: z.int(),
  meanUs: z.number(),
  /** From before the connect, or the question, to the last byte of the answer. */
  elapsedUs: z.object({ min: z.number(), p50: z.number(), p99: z.number(), max: z.number() }),
});

export type ExchangesResult = z.output<typeof exchangesSchema>;

export interface ExchangeOptions {
  from: Site;
  to: Site;
  /** Where the server listens, `address:port`. */
  listen: string;
  /** Where the client connects; the server's own address unless something stands between them. */
  connect?: string;
  count: number;
  /** Of a question, and of its answer. */
  bytes: number;
  /** Bound on the whole. */
  maxSeconds: number;
}

/** Questions one after the other, each on a TCP connection of its own; every answer is compared. */
export function runRequests(options: ExchangeOptions): Promise<ExchangesResult> {
  return ask('requests', options, {});
}

/** Questions on one TCP connection, at least `intervalMs` apart; every answer is compared. */
export function runExchange(options: ExchangeOptions & { intervalMs: number }): Promise<ExchangesResult> {
  return ask('exchange', options, { 'interval-us': options.intervalMs * 1000 });
}

async function ask(
  mode: string,
  { from, to, listen, connect = listen, count, bytes, maxSeconds }: ExchangeOptions,
  extra: Readonly<Record<string, number>>,
): Promise<ExchangesResult> {
  const server = await startListening(to, 'answer', { listen });
  const options = { connect, count, size: bytes, 'wait-seconds': maxSeconds, ...extra };
  const client = start(from, mode, options);
  try {
    return await client.read(exchangesSchema, maxSeconds * 1000 + GRACE_MS);
  } finally {
    await Promise.all([server.stop(), client.stop()]);
  }
}
