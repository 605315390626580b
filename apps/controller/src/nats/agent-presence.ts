import { Logger } from '@nestjs/common';
import type { Msg } from '@nats-io/transport-node';
import type pg from 'pg';
import { parseCredentialName } from './agent-credentials.js';
import type { NatsService } from './nats.service.js';

/**
 * How often the server is asked for all connections, should an event have been missed. Seldom: it looks at every connection
 * for each page, holding up those that it looks at (with 10,000 agents, pages of 1,024 and 15 s it stood still for seconds).
 */
const RECONCILE_INTERVAL_MS = 5 * 60_000;
/** Some 3 MB. */
const PAGE_SIZE = 4096;
/** What of a page is read once more with the next one. */
const OVERLAP_SHARE = 1 / 64;
const REQUEST_TIMEOUT_MS = 10_000;
/** How often "last seen" of connected agents is written down. */
const LAST_SEEN_INTERVAL_MS = 30_000;

/** An agent came or went. */
export interface PresenceChange {
  readonly organizationId: string;
  readonly agentId: string;
  readonly online: boolean;
}

interface Client {
  readonly name_tag?: string;
  readonly nametag?: string;
  readonly id?: number;
  readonly cid?: number;
}

interface ConnectionEvent {
  readonly server?: { readonly id?: string };
  readonly client?: Client;
}

interface ConnectionsPage {
  readonly server?: { readonly id?: string };
  readonly data?: { readonly total?: number; readonly connections?: readonly Client[] };
}

/**
 * Which agents are connected to NATS, as the server itself reports it to the system account: its events at once, its list
 * of connections now and then. The same in every replica, also in one that has just started.
 */
export class AgentPresence {
  private readonly logger = new Logger(AgentPresence.name);
  /** `server/connection` -> `organization.agent` */
  private readonly connections = new Map<string, string>();
  private readonly online = new Map<string, number>();
  private readonly listeners = new Set<(change: PresenceChange) => void>();
  private timers: NodeJS.Timeout[] = [];
  private stopListening: () => void = () => undefined;
  private subscribed = false;
  private reconciling: Promise<void> | undefined;
  /** Connections that an event told of while the list was being read: the list may be older than that. */
  private toldMeanwhile = new Set<string>();

  /**
   * @param accountKey public key of the agents' account
   * @param pageSize how many connections are asked for at once, at least 2
   */
  constructor(
    private readonly nats: NatsService,
    private readonly pool: pg.Pool,
    private readonly accountKey: string,
    private readonly pageSize = PAGE_SIZE,
  ) {}

  start(): void {
    this.stopListening = this.nats.onUp(() => this.begin());
    this.timers = [
      setInterval(() => void this.reconcileQuietly(), RECONCILE_INTERVAL_MS),
      setInterval(() => void this.writeLastSeen(), LAST_SEEN_INTERVAL_MS),
    ];
    for (const timer of this.timers) timer.unref();
  }

  stop(): void {
    this.stopListening();
    for (const timer of this.timers) clearInterval(timer);
  }

  isOnline(organizationId: string, agentId: string): boolean {
    return this.nats.isUp && this.online.has(`${organizationId}.${agentId}`);
  }

  /** Agents that are connected, of all organizations. */
  get onlineCount(): number {
    return this.online.size;
  }

  /** Calls `listener` when an agent comes or goes; returns how to stop that. */
  onChange(listener: (change: PresenceChange) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Asks the server for all connections now. */
  async reconcile(): Promise<void> {
    this.reconciling ??= this.readConnections().finally(() => {
      this.reconciling = undefined;
    });
    return this.reconciling;
  }

  private async begin(): Promise<void> {
    await this.subscribe();
    await this.reconcile();
    await this.writeLastSeen();
  }

  private async subscribe(): Promise<void> {
    if (this.subscribed) return;
    this.subscribed = true;
    const system = await this.nats.system();
    for (const [event, online] of [
      ['CONNECT', true],
      ['DISCONNECT', false],
    ] as const) {
      system.subscribe(`$SYS.ACCOUNT.${this.accountKey}.${event}`, {
        callback: (error, message) => {
          if (error === null) this.onEvent(message, online);
        },
      });
    }
    await system.flush();
  }

  private onEvent(message: Msg, online: boolean): void {
    const { server, client } = message.json<ConnectionEvent>();
    const agent = nameOf(client);
    if (agent === undefined) return;
    const connection = `${server?.id ?? ''}/${String(client?.id ?? client?.cid)}`;
    this.toldMeanwhile.add(connection);
    if (online) this.add(connection, agent);
    else this.remove(connection);
  }

  private async readConnections(): Promise<void> {
    this.toldMeanwhile = new Set();
    const listed = await this.listConnections();
    const isNewer = (connection: string): boolean => this.toldMeanwhile.has(connection);
    for (const connection of [...this.connections.keys()]) {
      if (!listed.has(connection) && !isNewer(connection)) this.remove(connection);
    }
    for (const [connection, agent] of listed) {
      if (!isNewer(connection)) this.add(connection, agent);
    }
  }

  /**
   * Pages overlap: the server counts from the first connection that there is, so when one ends meanwhile, the others move up, and
   * some would be in no page. They come in the order of their ids, which only grow.
   */
  private async listConnections(): Promise<Map<string, string>> {
    const listed = new Map<string, string>();
    const overlap = Math.ceil(this.pageSize * OVERLAP_SHARE);
    let lastId = 0;
    for (let offset = 0; ;) {
      const { server, data } = await this.readPage(offset);
      const clients = data?.connections ?? [];
      const [first] = clients;
      if (offset > 0 && (first?.cid ?? Infinity) > lastId) {
        offset = Math.max(0, offset - Math.ceil(this.pageSize / 2));
        continue;
      }
      for (const client of clients) {
        const agent = nameOf(client);
        if (agent !== undefined) listed.set(`${server?.id ?? ''}/${String(client.cid)}`, agent);
      }
      lastId = clients.at(-1)?.cid ?? lastId;
      const end = offset + clients.length;
      if (clients.length === 0 || end >= (data?.total ?? 0)) return listed;
      offset = Math.max(offset + 1, end - overlap);
    }
  }

  private async readPage(offset: number): Promise<ConnectionsPage> {
    const system = await this.nats.system();
    const request = JSON.stringify({ auth: true, state: 0, sort: 'cid', limit: this.pageSize, offset });
    const reply = await system.request(`$SYS.REQ.ACCOUNT.${this.accountKey}.CONNZ`, request, {
      timeout: REQUEST_TIMEOUT_MS,
    });
    return reply.json<ConnectionsPage>();
  }

  private add(connection: string, agent: string): void {
    if (this.connections.has(connection)) return;
    this.connections.set(connection, agent);
    const count = this.online.get(agent) ?? 0;
    this.online.set(agent, count + 1);
    if (count === 0) this.tell(agent, true);
  }

  private remove(connection: string): void {
    const agent = this.connections.get(connection);
    if (agent === undefined) return;
    this.connections.delete(connection);
    const count = (this.online.get(agent) ?? 1) - 1;
    if (count > 0) {
      this.online.set(agent, count);
      return;
    }
    this.online.delete(agent);
    this.tell(agent, false);
  }

  private tell(name: string, online: boolean): void {
    const agent = parseCredentialName(name);
    if (agent === undefined) return;
    for (const listener of this.listeners) listener({ ...agent, online });
    if (!online) void this.touch([name]);
  }

  private async reconcileQuietly(): Promise<void> {
    if (!this.nats.isUp) return;
    try {
      await this.reconcile();
    } catch (error) {
      this.logger.warn(`nats-server did not list its connections: ${String(error)}`);
    }
  }

  private async writeLastSeen(): Promise<void> {
    if (this.nats.isUp) await this.touch([...this.online.keys()]);
  }

  private async touch(names: readonly string[]): Promise<void> {
    const agents = names.map(parseCredentialName).filter((agent) => agent !== undefined);
    if (agents.length === 0) return;
    try {
      await this.pool.query(
        `UPDATE agents SET last_seen_at = now()
         FROM unnest($1::uuid[], $2::uuid[]) AS seen(organization_id, agent_id)
         WHERE agents.organization_id = seen.organization_id AND agents.id = seen.agent_id
           AND (last_seen_at IS NULL OR last_seen_at < now() - interval '5 seconds')`,
        [agents.map(({ organizationId }) => organizationId), agents.map(({ agentId }) => agentId)],
      );
    } catch (error) {
      this.logger.warn(`when agents were last seen was not written down: ${String(error)}`);
    }
  }
}

const nameOf = (client: Client | undefined): string | undefined => {
  const name = client?.name_tag ?? client?.nametag;
  return name !== undefined && parseCredentialName(name) !== undefined ? name : undefined;
};
