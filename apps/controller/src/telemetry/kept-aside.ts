import { Logger } from '@nestjs/common';
import type pg from 'pg';
import { telemetryMessages } from '../metrics/metrics.js';
import { parseTelemetrySubject, WrongClockError } from './telemetry-message.js';
import type { TelemetryMessage } from './telemetry-store.js';

/** Of one agent: the first ones say what is wrong, and an agent may send one a second. */
export const MAX_KEPT_ASIDE = 20;

/** Bytes of a message that is kept aside. */
const MAX_BODY_BYTES = 64 * 1024;

/** What is wrong with an agent's messages is said again after so long. */
const SAY_AGAIN_MS = 86_400_000;
/** Agents of which that is remembered; of those beyond it is said more often. */
const MAX_SAID = 10_000;

/** Rows of one statement. */
const PRUNE_AT_ONCE = 10_000;

const KEEP = `
  INSERT INTO telemetry.poison (organization_id, agent_id, subject, stream_sequence, reason, body)
  SELECT $1::uuid, $2::uuid, $3, $4::bigint, $5, $6::bytea
  WHERE ${String(MAX_KEPT_ASIDE)} > (
    SELECT count(*) FROM telemetry.poison WHERE agent_id = $2::uuid OR ($2::uuid IS NULL AND agent_id IS NULL)
  )
  ON CONFLICT (subject, stream_sequence) DO NOTHING`;

const PRUNE = `
  DELETE FROM telemetry.poison WHERE id = ANY (ARRAY(
    SELECT id FROM (
      SELECT id, received_at, row_number() OVER (PARTITION BY agent_id ORDER BY id) AS place FROM telemetry.poison
    ) AS kept
    WHERE received_at < $1 OR place > ${String(MAX_KEPT_ASIDE)} LIMIT ${String(PRUNE_AT_ONCE)}
  ))`;

/** Messages that cannot be stored, for a person to look at: {@link MAX_KEPT_ASIDE} of each agent, the rest is only counted. */
export class KeptAside {
  private readonly logger = new Logger('Telemetry');
  private readonly saidAtMs = new Map<string, number>();

  constructor(private readonly pool: pg.Pool) {}

  async keep(message: TelemetryMessage, error: Error): Promise<void> {
    const source = parseTelemetrySubject(message.subject);
    const reason = error.message.replaceAll('\0', '').slice(0, 1000);
    await this.pool.query(KEEP, [
      source?.organizationId ?? null,
      source?.agentId ?? null,
      message.subject,
      message.seq,
      reason,
      Buffer.from(message.data.subarray(0, MAX_BODY_BYTES)),
    ]);
    telemetryMessages.inc({ outcome: error instanceof WrongClockError ? 'wrong_clock' : 'unstorable' });
    this.say(source?.agentId ?? message.subject, reason);
  }

  /** Deletes what came before `beforeMs` (Unix milliseconds), and of every agent what is more than is kept; returns how many. */
  async prune(beforeMs: number): Promise<number> {
    let deleted = 0;
    for (;;) {
      const { rowCount } = await this.pool.query(PRUNE, [new Date(beforeMs)]);
      deleted += rowCount ?? 0;
      if ((rowCount ?? 0) < PRUNE_AT_ONCE) return deleted;
    }
  }

  private say(source: string, reason: string): void {
    const nowMs = Date.now();
    const saidAtMs = this.saidAtMs.get(source);
    if (saidAtMs !== undefined && nowMs - saidAtMs < SAY_AGAIN_MS) return;
    this.saidAtMs.delete(source);
    this.saidAtMs.set(source, nowMs);
    if (this.saidAtMs.size > MAX_SAID) this.saidAtMs.delete(this.saidAtMs.keys().next().value ?? source);
    this.logger.warn(`telemetry of agent ${source} is not stored: ${reason}`);
  }
}
