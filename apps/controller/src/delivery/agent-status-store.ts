import { Logger } from '@nestjs/common';
import type { JsMsg } from '@nats-io/jetstream';
import {
  appliedMessageSchema,
  helloMessageSchema,
  type AppliedMessage,
  type HelloMessage,
} from '@longhaul/contracts';
import type pg from 'pg';
import { inTransaction } from '../database/worker-pool.js';
import { noteClones } from './clones.js';
import { isFaultOfData, transpose, unnest, type Columns } from '../database/columns.js';

interface Sender {
  readonly organizationId: string;
  readonly agentId: string;
  /** Position in the stream: of two messages of one agent, the later one counts. */
  readonly streamSequence: number;
}

type Hello = Sender & HelloMessage;
type Applied = Sender & AppliedMessage;

const SUBJECT = /^lh\.([0-9a-f-]{36})\.([0-9a-f-]{36})\.up\.(hello|applied)$/;
/** Dates beyond this are no dates for PostgreSQL; an agent's clock has no business there. */
const MAX_TIME_MS = Date.UTC(9999, 0);

const SENDER: Columns<Sender> = [
  ['organization_id', 'uuid', (item) => item.organizationId],
  ['agent_id', 'uuid', (item) => item.agentId],
  ['stream_sequence', 'bigint', (item) => item.streamSequence],
];

const HELLO: Columns<Hello> = [
  ...SENDER,
  ['version', 'text', (item) => item.agentVersion],
  ['hostname', 'text', (item) => item.hostname],
  ['boot_id', 'uuid', (item) => item.bootId],
  ['upgrade', 'jsonb', (item) => (item.upgrade === undefined ? null : JSON.stringify(item.upgrade))],
];

const APPLIED: Columns<Applied> = [
  ...SENDER,
  ['epoch', 'int', (item) => item.epoch],
  ['generation', 'int', (item) => item.generation],
  ['policy_revision', 'int', (item) => item.policyRevision],
  ['outcome', 'text', (item) => item.outcome.toUpperCase()],
  ['error', 'text', (item) => item.error ?? null],
  ['boot_id', 'uuid', (item) => item.bootId],
  ['applied_at', 'timestamptz', (item) => new Date(Math.min(item.atMs, MAX_TIME_MS))],
];

/** A hello that was stored before is no news; after a lost stream, positions begin again. */
const UPDATE_AGENTS = `
  UPDATE agents a
  SET version = h.version, hostname = h.hostname, upgrade = h.upgrade, last_seen_at = now(),
      previous_boot_id = CASE WHEN a.boot_id = h.boot_id THEN a.previous_boot_id ELSE a.boot_id END,
      boot_id = h.boot_id, boot_sequence = h.stream_sequence
  FROM (
    SELECT DISTINCT ON (organization_id, agent_id) * FROM ${unnest(HELLO)}
    ORDER BY organization_id, agent_id, stream_sequence DESC
  ) h
  WHERE a.organization_id = h.organization_id AND a.id = h.agent_id
    AND (h.stream_sequence > coalesce(a.boot_sequence, 0)
         OR h.boot_id NOT IN (a.boot_id, coalesce(a.previous_boot_id, a.boot_id)))`;

/** What an agent says of an older state than it has spoken of already is no news. */
const UPSERT_APPLIED = `
  INSERT INTO agent_applied AS x
    (organization_id, agent_id, epoch, generation, policy_revision, outcome, error, boot_id, applied_at, received_at)
  SELECT DISTINCT ON (r.organization_id, r.agent_id)
         r.organization_id, r.agent_id, r.epoch, r.generation, r.policy_revision, r.outcome::apply_outcome, r.error,
         r.boot_id, r.applied_at, now()
  FROM ${unnest(APPLIED)} JOIN agents a ON a.organization_id = r.organization_id AND a.id = r.agent_id
  ORDER BY r.organization_id, r.agent_id, r.epoch DESC, r.generation DESC, r.stream_sequence DESC
  ON CONFLICT (organization_id, agent_id) DO UPDATE SET
    epoch = excluded.epoch, generation = excluded.generation, policy_revision = excluded.policy_revision,
    outcome = excluded.outcome, error = excluded.error, boot_id = excluded.boot_id,
    applied_at = excluded.applied_at, received_at = excluded.received_at
  WHERE (excluded.epoch, excluded.generation) >= (x.epoch, x.generation)`;

/** Stores what agents say of themselves and of their desired states. Storing twice changes nothing. */
export class AgentStatusStore {
  private readonly logger = new Logger(AgentStatusStore.name);

  constructor(private readonly pool: pg.Pool) {}

  async store(messages: readonly Pick<JsMsg, 'subject' | 'data' | 'seq'>[]): Promise<void> {
    const hellos: Hello[] = [];
    const outcomes: Applied[] = [];
    for (const message of messages) this.sort(message, hellos, outcomes);
    try {
      await this.write(hellos, outcomes);
    } catch (error) {
      if (!isFaultOfData(error)) throw error;
      await this.writeOneByOne(hellos, outcomes);
    }
  }

  private async write(hellos: readonly Hello[], outcomes: readonly Applied[]): Promise<void> {
    await inTransaction(this.pool, async (client) => {
      await noteClones(client, hellos);
      if (hellos.length > 0) await client.query(UPDATE_AGENTS, transpose(HELLO, hellos));
      await noteClones(client, outcomes);
      if (outcomes.length > 0) await client.query(UPSERT_APPLIED, transpose(APPLIED, outcomes));
    });
  }

  /** Some message has a value that no column holds: the others must not wait for it. */
  private async writeOneByOne(hellos: readonly Hello[], outcomes: readonly Applied[]): Promise<void> {
    const writes = [
      ...hellos.map((hello) => [hello, () => this.write([hello], [])] as const),
      ...outcomes.map((outcome) => [outcome, () => this.write([], [outcome])] as const),
    ];
    for (const [{ agentId }, write] of writes) {
      try {
        await write();
      } catch (error) {
        if (!isFaultOfData(error)) throw error;
        this.logger.warn(`a message of agent ${agentId} cannot be stored: ${error.message}`);
      }
    }
  }

  private sort(message: Pick<JsMsg, 'subject' | 'data' | 'seq'>, hellos: Hello[], outcomes: Applied[]): void {
    const [, organizationId, agentId, kind] = SUBJECT.exec(message.subject) ?? [];
    if (organizationId === undefined || agentId === undefined) return;
    const sender: Sender = { organizationId, agentId, streamSequence: message.seq };
    try {
      const body: unknown = JSON.parse(Buffer.from(message.data).toString('utf8'));
      if (kind === 'hello') hellos.push({ ...helloMessageSchema.parse(body), ...sender });
      else outcomes.push({ ...appliedMessageSchema.parse(body), ...sender });
    } catch (error) {
      // Nothing is lost: the agent will say it again, or its successor in a form that we know.
      this.logger.warn(`a message on ${message.subject} cannot be read: ${String(error)}`);
    }
  }
}
