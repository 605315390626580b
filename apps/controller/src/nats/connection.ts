import { setTimeout as sleep } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import { connect, jwtAuthenticator, type NatsConnection } from '@nats-io/transport-node';

/** Half a second and up to as much again: a fleet of controllers does not come back in step. */
const RECONNECT_WAIT_MS = 500;
const RECONNECT_JITTER_MS = 500;
/** A dead server is noticed within two missed answers. */
const PING_INTERVAL_MS = 5_000;
const MAX_PINGS_OUT = 2;
const COMPLAIN_EVERY_MS = 10_000;

export interface ConnectionOptions {
  readonly url: string;
  readonly name: string;
  readonly caPem: string;
  readonly jwt: string;
  readonly seed: string;
  /** Told in one line when the server stays out of reach. */
  readonly complain: (line: string) => void;
}

/**
 * Connects over TLS, for as long as it takes, and stays connected: lost connections and refused credentials are retried
 * without end. Rejects only if the connection is given up by `signal`.
 */
export const connectForGood = async (
  options: ConnectionOptions,
  signal: AbortSignal,
): Promise<NatsConnection> => {
  let lastError: unknown;
  let complainedAtMs = Date.now() - COMPLAIN_EVERY_MS + RECONNECT_WAIT_MS * 4;
  for (;;) {
    signal.throwIfAborted();
    const connection = await connectOnce(options).catch((error: unknown) => {
      lastError = error;
    });
    if (connection !== undefined) {
      if (!signal.aborted) return connection;
      await connection.close();
    }
    signal.throwIfAborted();
    if (Date.now() - complainedAtMs >= COMPLAIN_EVERY_MS) {
      complainedAtMs = Date.now();
      options.complain(`nats-server at ${options.url} cannot be reached (${String(lastError)}); trying on`);
    }
    await sleep(RECONNECT_WAIT_MS + Math.random() * RECONNECT_JITTER_MS, undefined, { signal });
  }
};

const connectOnce = ({ url, name, caPem, jwt, seed }: ConnectionOptions): Promise<NatsConnection> =>
  connect({
    servers: [url],
    name,
    authenticator: jwtAuthenticator(jwt, new TextEncoder().encode(seed)),
    tls: { ca: [caPem, ...rootCertificates].join('\n') },
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    reconnectJitterTLS: RECONNECT_JITTER_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: MAX_PINGS_OUT,
    ignoreAuthErrorAbort: true,
    // A stack for each request would be made for the few that fail.
    noAsyncTraces: true,
  });
