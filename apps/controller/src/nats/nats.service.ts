import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { NatsConnection } from '@nats-io/transport-node';
import type { ControllerState } from '../bootstrap/prepare.js';
import { connectForGood } from './connection.js';
import { encodeTrustedUser } from './jwt.js';
import { createSeed, publicKeyOf } from '@longhaul/contracts/nkey';
import { assertServerIsRecent } from './server-version.js';
import { ensureStreams } from './streams.js';

const JETSTREAM_RETRY_MS = 500;

/** Called whenever both connections have (again) been made and the streams exist. */
export type UpListener = () => void | Promise<void>;

export interface NatsServiceOptions {
  readonly url: string;
  readonly state: Pick<ControllerState, 'caPem' | 'nats'>;
  /** Whether a server older than the fixes of JetStream's access checks is put up with. */
  readonly allowOldServer: boolean;
}

/**
 * The controller's two connections: as a user of the agents' account, and of the system account. Neither is waited for
 * at start: the API serves without NATS, and what needs it waits for {@link NatsService.agents}.
 */
export class NatsService {
  private readonly logger = new Logger(NatsService.name);
  private readonly stopping = new AbortController();
  private readonly listeners = new Set<UpListener>();
  private connections: Promise<readonly [NatsConnection, NatsConnection]> | undefined;
  private readonly open = new Set<NatsConnection>();
  private readonly lost = new Set<NatsConnection>();
  private up = false;

  constructor(private readonly options: NatsServiceOptions) {}

  /** Whether the agents' account can be used at this moment. */
  get isUp(): boolean {
    return this.up;
  }

  get isClosed(): boolean {
    return this.stopping.signal.aborted;
  }

  /** Begins to connect; resolves at the first connection. */
  async start(): Promise<void> {
    this.connections ??= this.connectBoth();
    await this.connections;
  }

  /** The connection to the agents' account, once there is one. */
  async agents(): Promise<NatsConnection> {
    return (await this.connected())[0];
  }

  /** The connection to the system account, once there is one. */
  async system(): Promise<NatsConnection> {
    return (await this.connected())[1];
  }

  /** Calls `listener` now if NATS is up, and after every reconnection; returns how to stop that. */
  onUp(listener: UpListener): () => void {
    this.listeners.add(listener);
    if (this.up) this.tell(listener);
    return () => this.listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.stopping.abort();
    this.up = false;
    await this.connections?.catch(() => undefined);
    await Promise.all([...this.open].map((connection) => connection.close().catch(() => undefined)));
  }

  private async connected(): Promise<readonly [NatsConnection, NatsConnection]> {
    if (this.connections === undefined) throw new Error('NatsService.start() was not called');
    return this.connections;
  }

  private async connectBoth(): Promise<readonly [NatsConnection, NatsConnection]> {
    const { agentsAccount, systemAccount } = this.options.state.nats;
    const pair = await Promise.all([
      this.connect('controller', agentsAccount.key, agentsAccount.signingSeed),
      this.connect('controller-system', systemAccount.key, systemAccount.seed),
    ]);
    const [agents] = pair;
    assertServerIsRecent(agents, this.options.allowOldServer);
    for (const connection of pair) void this.watch(connection, agents);
    await this.cameUp(agents);
    return pair;
  }

  /** The credential is made here, lives in memory only, and is good for as long as the process. */
  private async connect(name: string, accountKey: string, signingSeed: string): Promise<NatsConnection> {
    const seed = createSeed('user');
    const jwt = await encodeTrustedUser({ name, userKey: publicKeyOf(seed), accountKey, signingSeed });
    const { url, state } = this.options;
    const complain = (line: string): void => {
      this.logger.warn(line);
    };
    const options = { url, name, caPem: state.caPem, jwt, seed, complain };
    const connection = await connectForGood(options, this.stopping.signal);
    this.open.add(connection);
    return connection;
  }

  private async watch(connection: NatsConnection, agents: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') {
        if (this.lost.size === 0) this.logger.warn(`lost nats-server at ${this.options.url}; reconnecting`);
        this.lost.add(connection);
        this.up = false;
      } else if (status.type === 'reconnect') {
        this.lost.delete(connection);
        if (this.lost.size === 0) void this.cameUp(agents);
      } else if (status.type === 'error') {
        this.logger.warn(`nats-server says: ${String(status.error)}`);
      }
    }
  }

  /** The server may have lost its store: streams first, then those who use them. */
  private async cameUp(agents: NatsConnection): Promise<void> {
    const isGone = (): boolean => this.isClosed || agents.isClosed() || this.lost.size > 0;
    while (!isGone()) {
      try {
        await ensureStreams(agents);
        break;
      } catch (error) {
        this.logger.warn(`JetStream is not ready: ${String(error)}`);
        await sleep(JETSTREAM_RETRY_MS);
      }
    }
    if (isGone()) return;
    this.up = true;
    this.logger.log(`connected to nats-server at ${this.options.url}`);
    for (const listener of this.listeners) this.tell(listener);
  }

  private tell(listener: UpListener): void {
    Promise.resolve()
      .then(listener)
      .catch((error: unknown) => {
        this.logger.error(`after a reconnection to nats-server: ${String(error)}`);
      });
  }
}
