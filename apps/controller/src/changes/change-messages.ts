import type { NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import { OUTBOX_TOPICS } from '../outbox/topics.js';
import { CHANGE_KINDS, type Change } from './change.js';

/** Outside of what agents may publish or subscribe to. */
const ROOT = 'longhaul.changes';
const SUBJECT = /^longhaul\.changes\.([0-9a-f-]{36})$/;
export const ALL_CHANGES = `${ROOT}.*`;
/** Of one message: some 20 kB. */
const MAX_IDS = 500;

const changeSchema = z.object({ kind: z.enum(CHANGE_KINDS), ids: z.array(z.uuid()).min(1) });

/** One thing that was changed. */
export interface ChangedThing {
  readonly organizationId: string;
  readonly kind: Change['kind'];
  readonly id: string;
}

/** Tells every replica, the own one too. Best effort: who was away reads anew. */
export const publishChanges = (connection: NatsConnection, things: readonly ChangedThing[]): void => {
  const groups = new Map<string, { organizationId: string; kind: Change['kind']; ids: Set<string> }>();
  for (const { organizationId, kind, id } of things) {
    const key = `${organizationId} ${kind}`;
    const group = groups.get(key) ?? { organizationId, kind, ids: new Set<string>() };
    groups.set(key, group);
    group.ids.add(id);
  }
  for (const { organizationId, kind, ids } of groups.values()) {
    const all = [...ids];
    for (let from = 0; from < all.length; from += MAX_IDS) {
      const body = JSON.stringify({ kind, ids: all.slice(from, from + MAX_IDS) });
      connection.publish(`${ROOT}.${organizationId}`, body);
    }
  }
};

export const parseChange = (
  subject: string,
  data: Uint8Array,
): { organizationId: string; change: Change } | undefined => {
  const [, organizationId] = SUBJECT.exec(subject) ?? [];
  const parsed = changeSchema.safeParse(JSON.parse(Buffer.from(data).toString('utf8')));
  return organizationId === undefined || !parsed.success
    ? undefined
    : { organizationId, change: parsed.data };
};

/** What a row of the outbox that was dealt with has changed. */
export const changeOfOutbox = (row: {
  readonly organizationId: string;
  readonly topic: string;
  readonly subjectId: string;
  readonly payload: unknown;
}): ChangedThing[] => {
  const { organizationId, topic, subjectId: id } = row;
  if (topic !== OUTBOX_TOPICS.changed) return [{ organizationId, kind: 'agent', id }];
  const parsed = z.object({ kind: z.enum(CHANGE_KINDS) }).safeParse(row.payload);
  return parsed.success ? [{ organizationId, kind: parsed.data.kind, id }] : [];
};
