import type pg from 'pg';
import { transpose, unnest, type Columns } from '../database/columns.js';
import { OUTBOX_TOPICS } from '../outbox/topics.js';

/** A message of an agent: which of its processes sent it, and its position in the stream. */
export interface Sighting {
  readonly organizationId: string;
  readonly agentId: string;
  readonly bootId: string;
  readonly streamSequence: number;
}

const SIGHTING: Columns<Sighting> = [
  ['organization_id', 'uuid', (item) => item.organizationId],
  ['agent_id', 'uuid', (item) => item.agentId],
  ['boot_id', 'uuid', (item) => item.bootId],
  ['stream_sequence', 'bigint', (item) => item.streamSequence],
];

/**
 * An agent that starts anew never speaks as its former process again. A former process that speaks after its successor
 * said hello lives beside it: a copy of the state folder. It is written down once an hour, and both are told.
 */
const NOTE_CLONES = `
  WITH cloned AS (
    SELECT DISTINCT a.organization_id, a.id, a.hostname, a.boot_id, a.previous_boot_id,
           a.clone_detected_at IS NULL OR a.clone_detected_at < now() - interval '1 hour' AS is_news
    FROM ${unnest(SIGHTING)} JOIN agents a ON a.organization_id = r.organization_id AND a.id = r.agent_id
    WHERE r.boot_id = a.previous_boot_id AND r.boot_id <> a.boot_id AND r.stream_sequence > a.boot_sequence
  ), noted AS (
    UPDATE agents a SET clone_detected_at = CASE WHEN c.is_news THEN now() ELSE a.clone_detected_at END
    FROM cloned c WHERE a.organization_id = c.organization_id AND a.id = c.id
  ), told AS (
    INSERT INTO outbox (organization_id, topic, subject_id)
    SELECT organization_id, '${OUTBOX_TOPICS.cloned}', id FROM cloned WHERE is_news
  )
  INSERT INTO audit_events (organization_id, actor_kind, actor_name, action, target_id, after)
  SELECT organization_id, 'system', 'controller', 'agent.clone-detected', id::text,
         jsonb_build_object('hostname', hostname, 'bootIds', jsonb_build_array(boot_id, previous_boot_id))
  FROM cloned WHERE is_news`;

/** Finds agents of which two processes are at work, by what has just come from them. */
export const noteClones = async (client: pg.ClientBase, sightings: readonly Sighting[]): Promise<void> => {
  if (sightings.length > 0) await client.query(NOTE_CLONES, transpose(SIGHTING, sightings));
};
