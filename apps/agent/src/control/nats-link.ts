import { connect as dial } from 'node:net';
import {
  connect,
  errors,
  type Authenticator,
  type ConnectionOptions,
  type NatsConnection,
} from '@nats-io/transport-node';
import { messageOf } from '../errors.js';
import type { Logger } from './logger.js';
import {
  CONNECT_TIMEOUT_MS,
  PING_INTERVAL_MS,
  PINGS_OUT,
  RECONNECT_MAX_MS,
  RECONNECT_MIN_MS,
  RECONNECT_RESET_MS,
  REFUSED_MAX_MS,
  REQUEST_TIMEOUT_MS,
} from './params.js';
import { BackOff, Pause, within } from './pause.js';

/** What a connection is made with; asked for anew at each attempt. */
export interface NatsAccess {
  readonly urls: readonly string[];
  readonly authenticator: Authenticator;
  /** PEM; the connection is refused without TLS. */
  readonly caPem: string;
  readonly inboxPrefix: string;
  /** Shown by the server's monitoring. */
  readonly name: string;
}

export interface NatsLinkOptions {
  readonly access: () => NatsAccess;
  readonly onConnected: (connection: NatsConnection) => void;
  readonly onDisconnected: () => void;
  /** The server did not accept the credential: expired, revoked or unknown. */
  readonly onRefused: () => void;
  readonly log: Logger;
  readonly pingIntervalMs?: number;
  readonly reconnectMaxMs?: number;
}

const isRefusal = (error: unknown): boolean =>
  error instanceof errors.AuthorizationError ||
  error instanceof errors.UserAuthenticationExpiredError ||
  (error instanceof errors.ProtocolError && /authentication|revoked/i.test(error.message));

/**
 * One NATS connection, kept for ever. The client's own reconnecting is switched off: every connection is made with the
 * credential and the addresses of the moment, and a refusal is told apart from an outage.
 */
export class NatsLink {
  private connection: NatsConnection | undefined;
  private stopped = false;
  /** Raised when there is a fresh credential; a connection of an earlier era is not kept. */
  private era = 0;
  private lastRefused = false;
  private running: Promise<void> | undefined;
  private readonly pause = new Pause();
  private readonly backOff: BackOff;
  private readonly refusedBackOff = new BackOff(RECONNECT_MIN_MS, REFUSED_MAX_MS);
  private failure: string | undefined;

  constructor(private readonly options: NatsLinkOptions) {
    this.backOff = new BackOff(RECONNECT_MIN_MS, options.reconnectMaxMs ?? RECONNECT_MAX_MS);
  }

  /** The live connection, if there is one. */
  get current(): NatsConnection | undefined {
    return this.connection;
  }

  /** Why there is no connection. */
  get lastFailure(): string | undefined {
    return this.failure;
  }

  start(): void {
    this.running ??= this.run();
  }

  /** Connects anew, with the credential of now. */
  async renew(): Promise<void> {
    this.era += 1;
    this.refusedBackOff.reset();
    this.pause.wake();
    await this.connection?.close();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.pause.wake();
    await this.connection?.close();
    await this.running;
  }

  /**
   * Proves that NATS is reached now: a round trip on the live connection and, where connections are intercepted, the greeting
   * on one that is opened anew, which a rule that swallows the agent's own connections would not let through.
   */
  async prove(intercepts: boolean): Promise<void> {
    const connection = this.connection;
    if (connection === undefined) throw new Error(this.failure ?? 'NATS is not connected');
    await within(REQUEST_TIMEOUT_MS, connection.flush(), 'NATS does not answer');
    if (intercepts) await greeted(connection.getServer());
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const { era } = this;
      const connection = await this.connect();
      if (connection !== undefined) await this.live(connection, era);
      if (!this.stopped && era === this.era) await this.pause.wait(this.pauseMs());
    }
  }

  private pauseMs(): number {
    return this.lastRefused ? this.refusedBackOff.next() : this.backOff.next();
  }

  private async connect(): Promise<NatsConnection | undefined> {
    try {
      return await connect(this.connectionOptions());
    } catch (error) {
      this.lost(error);
    }
    return undefined;
  }

  private async live(connection: NatsConnection, era: number): Promise<void> {
    if (this.stopped || era !== this.era) {
      await connection.close();
      return;
    }
    const sinceMs = performance.now();
    this.connection = connection;
    this.failure = undefined;
    this.lastRefused = false;
    this.refusedBackOff.reset();
    this.options.log.info({ server: connection.getServer() }, 'connected to NATS');
    void this.watch(connection);
    this.options.onConnected(connection);
    const error = await connection.closed();
    this.connection = undefined;
    if (performance.now() - sinceMs > RECONNECT_RESET_MS) this.backOff.reset();
    this.options.onDisconnected();
    if (!this.stopped && era === this.era) this.lost(error ?? new Error('the connection was closed'));
  }

  /** Tells of errors that do not end the connection, such as a subject that is not granted. */
  private async watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'error') this.options.log.warn(`NATS: ${status.error.message}`);
    }
  }

  private lost(error: unknown): void {
    const message = messageOf(error);
    if (message !== this.failure) this.options.log.warn(`NATS is not connected: ${message}`);
    this.failure = message;
    this.lastRefused = isRefusal(error);
    if (this.lastRefused) this.options.onRefused();
  }

  private connectionOptions(): ConnectionOptions {
    const { urls, authenticator, caPem, inboxPrefix, name } = this.options.access();
    return {
      servers: [...urls],
      authenticator,
      tls: { ca: caPem },
      inboxPrefix,
      name,
      reconnect: false,
      ignoreClusterUpdates: true,
      noAsyncTraces: true,
      timeout: CONNECT_TIMEOUT_MS,
      pingInterval: this.options.pingIntervalMs ?? PING_INTERVAL_MS,
      maxPingOut: PINGS_OUT,
    };
  }
}

/** Opens a connection to `host:port` and waits for the greeting of a NATS server. */
function greeted(server: string): Promise<void> {
  const { hostname, port } = new URL(`nats://${server}`);
  return new Promise((resolve, reject) => {
    const socket = dial({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port),
      timeout: REQUEST_TIMEOUT_MS,
    });
    const settle = (fault?: string) => {
      socket.destroy();
      if (fault === undefined) resolve();
      else reject(new Error(`a new connection to NATS at ${server} fails: ${fault}`));
    };
    socket.once('data', (data) =>
      settle(data.toString('latin1').startsWith('INFO') ? undefined : 'no greeting'),
    );
    socket.once('timeout', () => settle('no answer'));
    socket.once('error', (error) => settle(messageOf(error)));
    socket.once('close', () => settle('closed'));
  });
}
