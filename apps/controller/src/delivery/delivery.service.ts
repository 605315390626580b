import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type pg from 'pg';
import { inTransaction } from '../database/worker-pool.js';
import { outboxRows } from '../metrics/metrics.js';
import type { NatsService } from '../nats/nats.service.js';
import type { NatsOperator } from '../nats/operator.js';
import { changeOfOutbox, publishChanges } from '../changes/change-messages.js';
import { OUTBOX_TOPICS } from '../outbox/topics.js';
import { publishRevocations, REVOCATION_LIFE_S, type Revocation } from '../nats/revocations.js';
import { DesiredStateStore, type StoredState } from './desired-state-store.js';
import { OutboxListener } from './outbox-listener.js';
import { claimOutbox, completeOutbox, makeOutboxDue, postponeOutbox, type OutboxRow } from './outbox.js';
import { settleAll } from './pooled.js';

/** Rows of one transaction. */
const MAX_BATCH = 500;
/** Agents that are served at once. */
const WIDTH = 64;
/** Without a notification, rows are looked for this often. */
const POLL_INTERVAL_MS = 1_000;
const RETRY_MS = 500;
/** States are read from the database in pages when the bucket is checked. */
const PAGE_SIZE = 1_000;
/** Replicas publish the list of revocations one after the other. */
const REVOCATIONS_LOCK = 4_812_079;

/** Carries out what the outbox asks for: desired states into the bucket, nudges, revocations. */
export class DeliveryService {
  private readonly logger = new Logger(DeliveryService.name);
  private readonly states: DesiredStateStore;
  private readonly listener: OutboxListener;
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly nats: NatsService,
    private readonly pool: pg.Pool,
    workerUrl: string,
    private readonly operator: NatsOperator,
  ) {
    this.states = new DesiredStateStore(nats);
    this.listener = new OutboxListener(workerUrl);
  }

  start(): void {
    this.listener.start();
    this.stopListening = this.nats.onUp(() => this.catchUp());
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopListening();
    this.stopping.abort();
    await this.listener.stop();
    await this.running;
  }

  /**
   * Makes NATS agree with the database: the list of revocations, every agent's desired state. After each reconnection, since
   * the server may have lost its store.
   */
  async catchUp(): Promise<void> {
    for (;;) {
      try {
        await this.publishRevocations();
        await this.checkAllStates();
        await makeOutboxDue(this.pool);
        return;
      } catch (error) {
        if (this.stopping.signal.aborted) return;
        this.logger.warn(`the bucket of desired states could not be checked: ${String(error)}`);
      }
      await this.pause(RETRY_MS);
      if (this.stopping.signal.aborted || !this.nats.isUp) return;
    }
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      let taken = 0;
      try {
        // While NATS is away rows wait, without using their attempts up.
        if (this.nats.isUp) taken = await this.drainOnce();
      } catch (error) {
        this.logger.warn(`the outbox could not be read: ${String(error)}`);
        await this.pause(RETRY_MS);
      }
      if (taken < MAX_BATCH) await this.listener.wait(POLL_INTERVAL_MS, this.stopping.signal);
    }
  }

  /** One batch in one transaction: a crash leaves the rows as they were, and everything here may be done twice. */
  private async drainOnce(): Promise<number> {
    const { taken, done } = await this.deliverBatch();
    if (done.length > 0) publishChanges(await this.nats.agents(), done.flatMap(changeOfOutbox));
    return taken;
  }

  private deliverBatch(): Promise<{ taken: number; done: OutboxRow[] }> {
    return inTransaction(this.pool, async (client) => {
      const rows = await claimOutbox(client, MAX_BATCH);
      const failed = new Map<string, string>();
      const fail = (row: OutboxRow, reason: unknown): void => {
        failed.set(row.id, String(reason));
      };
      await this.deliverStates(client, rows, fail);
      await this.applyDecisions(rows, fail);
      const done = rows.filter((row) => !failed.has(row.id));
      await completeOutbox(client, done);
      for (const row of rows) {
        const reason = failed.get(row.id);
        outboxRows.inc({ topic: row.topic, outcome: reason === undefined ? 'done' : 'postponed' });
        if (reason === undefined) continue;
        this.logger.warn(`${row.topic} for agent ${row.subjectId} will be tried again: ${reason}`);
        await postponeOutbox(client, row, reason);
      }
      return { taken: rows.length, done };
    });
  }

  private async deliverStates(
    client: pg.ClientBase,
    rows: readonly OutboxRow[],
    fail: (row: OutboxRow, reason: unknown) => void,
  ): Promise<void> {
    const wanted = rows.filter(({ topic }) => topic === OUTBOX_TOPICS.desiredState);
    if (wanted.length === 0) return;
    const states = await readStates(client, [...new Set(wanted.map(({ subjectId }) => subjectId))]);
    const outcomes = await settleAll(states, WIDTH, async (state) => {
      await this.states.write(state);
      await this.states.tell(state);
    });
    const faults = new Map<string, unknown>();
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'rejected') faults.set(states[index]?.agentId ?? '', outcome.reason);
    }
    for (const row of wanted) if (faults.has(row.subjectId)) fail(row, faults.get(row.subjectId));
    await markDelivered(
      client,
      states.filter(({ agentId }) => !faults.has(agentId)),
    );
  }

  private async applyDecisions(
    rows: readonly OutboxRow[],
    fail: (row: OutboxRow, reason: unknown) => void,
  ): Promise<void> {
    const approved = rows.filter(({ topic }) => topic === OUTBOX_TOPICS.approved);
    for (const row of approved) await this.states.nudge(row.organizationId, row.subjectId);
    const cloned = rows.filter(({ topic }) => topic === OUTBOX_TOPICS.cloned);
    for (const row of cloned) await this.states.warnOfClone(row.organizationId, row.subjectId);
    const revoked = rows.filter(({ topic }) => topic === OUTBOX_TOPICS.revoked);
    const retired = rows.filter(({ topic }) => topic === OUTBOX_TOPICS.keysRetired);
    if (revoked.length + retired.length === 0) return;
    try {
      await this.publishRevocations();
      for (const row of revoked) await this.states.remove(row.organizationId, row.subjectId);
    } catch (error) {
      for (const row of [...revoked, ...retired]) fail(row, error);
    }
  }

  /** All that count, at once: what the server has of them does not matter. */
  private async publishRevocations(): Promise<void> {
    const system = await this.nats.system();
    await inTransaction(this.pool, async (client) => {
      await client.query('SELECT pg_advisory_xact_lock($1)', [REVOCATIONS_LOCK]);
      const { rows } = await client.query<Revocation>(
        `SELECT nats_public_key AS "natsPublicKey", revoked_at AS "revokedAt" FROM agents
         WHERE state = 'REVOKED' AND revoked_at > now() - make_interval(secs => $1)
         UNION ALL
         SELECT next_nats_public_key, revoked_at FROM agents
         WHERE state = 'REVOKED' AND revoked_at > now() - make_interval(secs => $1)
           AND next_nats_public_key IS NOT NULL
         UNION ALL
         SELECT nats_public_key, retired_at FROM retired_nats_keys
         WHERE retired_at > now() - make_interval(secs => $1)`,
        [REVOCATION_LIFE_S],
      );
      await publishRevocations(system, this.operator, rows);
    });
  }

  private async checkAllStates(): Promise<void> {
    let after = '00000000-0000-0000-0000-000000000000';
    for (;;) {
      const page = await readStatePage(this.pool, after, PAGE_SIZE);
      const outcomes = await settleAll(page, WIDTH, async (state) => {
        if (await this.states.write(state)) await this.states.tell(state);
      });
      const fault = outcomes.find((outcome) => outcome.status === 'rejected');
      if (fault?.status === 'rejected') throw new Error(String(fault.reason), { cause: fault.reason });
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.agentId;
    }
  }

  private async pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }
}

const STATE_COLUMNS = `s.organization_id AS "organizationId", s.agent_id AS "agentId", s.epoch, s.generation,
  s.document::text AS document`;

/** Agents that were revoked since have none to be delivered. */
const LIVE_AGENT = `JOIN agents a ON a.organization_id = s.organization_id AND a.id = s.agent_id AND a.state = 'APPROVED'`;

const readStates = async (client: pg.ClientBase, agentIds: readonly string[]): Promise<StoredState[]> => {
  const { rows } = await client.query<StoredState>(
    `SELECT ${STATE_COLUMNS} FROM agent_desired_states s ${LIVE_AGENT} WHERE s.agent_id = ANY($1::uuid[])`,
    [agentIds],
  );
  return rows;
};

const readStatePage = async (pool: pg.Pool, after: string, limit: number): Promise<StoredState[]> => {
  const { rows } = await pool.query<StoredState>(
    `SELECT ${STATE_COLUMNS} FROM agent_desired_states s ${LIVE_AGENT}
     WHERE s.agent_id > $1 ORDER BY s.agent_id LIMIT $2`,
    [after, limit],
  );
  return rows;
};

const markDelivered = async (client: pg.ClientBase, states: readonly StoredState[]): Promise<void> => {
  if (states.length === 0) return;
  await client.query(
    `UPDATE agent_desired_states s SET delivered_generation = d.generation, delivered_at = now()
     FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS d(organization_id, agent_id, generation)
     WHERE s.organization_id = d.organization_id AND s.agent_id = d.agent_id
       AND s.delivered_generation < d.generation`,
    [
      states.map(({ organizationId }) => organizationId),
      states.map(({ agentId }) => agentId),
      states.map(({ generation }) => generation),
    ],
  );
};
