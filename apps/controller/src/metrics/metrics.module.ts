import { Inject, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { jetstreamManager } from '@nats-io/jetstream';
import { TELEMETRY_STREAM } from '@longhaul/contracts';
import type pg from 'pg';
import { openPools } from '../database/connection-pool.js';
import { WORKER_POOL } from '../database/worker-pool.js';
import { AgentPresence } from '../nats/agent-presence.js';
import { NatsModule } from '../nats/nats.module.js';
import { NatsService } from '../nats/nats.service.js';
import { TELEMETRY_CONSUMER } from '../nats/streams.js';
import { gaugeOf } from './metrics.js';

/** Gauges of what the controller is made of; what it does is counted where it is done. */
@Module({ imports: [NatsModule] })
export class MetricsModule implements OnModuleInit, OnApplicationShutdown {
  private takeAway: (() => void)[] = [];

  constructor(
    @Inject(NatsService) private readonly nats: NatsService,
    @Inject(AgentPresence) private readonly presence: AgentPresence,
    @Inject(WORKER_POOL) private readonly pool: pg.Pool,
  ) {}

  onModuleInit(): void {
    const { nats, presence } = this;
    this.takeAway = [
      gaugeOf('longhaul_nats_up', 'Whether nats-server can be used at this moment.', [], () => [
        { labels: {}, value: nats.isUp ? 1 : 0 },
      ]),
      gaugeOf('longhaul_agents_online', 'Agents that are connected, of all organizations.', [], () =>
        nats.isUp ? [{ labels: {}, value: presence.onlineCount }] : [],
      ),
      gaugeOf(
        'longhaul_telemetry_stream_messages',
        'Telemetry batches that wait in the stream ("pending"), or are being stored ("unacknowledged").',
        ['state'],
        () => this.streamBacklog(),
      ),
      gaugeOf('longhaul_telemetry_rollup_backlog', 'Buckets of agents that are due to be computed.', [], () =>
        this.count('SELECT count(*)::int AS count FROM telemetry.dirty_buckets WHERE due_at <= now()'),
      ),
      gaugeOf('longhaul_outbox_rows', 'Rows of the outbox, due or not.', [], () =>
        this.count('SELECT count(*)::int AS count FROM outbox'),
      ),
      gaugeOf(
        'longhaul_database_connections',
        'Connections of each pool: open, of these idle; and requests that wait for one.',
        ['pool', 'state'],
        () =>
          [...openPools()].flatMap(([name, pool]) => [
            { labels: { pool: name, state: 'open' }, value: pool.totalCount },
            { labels: { pool: name, state: 'idle' }, value: pool.idleCount },
            { labels: { pool: name, state: 'waiting' }, value: pool.waitingCount },
          ]),
      ),
    ];
  }

  onApplicationShutdown(): void {
    for (const takeAway of this.takeAway) takeAway();
  }

  private async streamBacklog() {
    if (!this.nats.isUp) return [];
    const manager = await jetstreamManager(await this.nats.agents(), { checkAPI: false });
    const consumer = await manager.consumers.info(TELEMETRY_STREAM, TELEMETRY_CONSUMER);
    return [
      { labels: { state: 'pending' }, value: consumer.num_pending },
      { labels: { state: 'unacknowledged' }, value: consumer.num_ack_pending },
    ];
  }

  private async count(sql: string) {
    const { rows } = await this.pool.query<{ count: number }>(sql);
    return rows.map(({ count: value }) => ({ labels: {}, value }));
  }
}
