import type { JsMsg } from '@nats-io/jetstream';
import {
  flowTelemetrySchema,
  linkTelemetrySchema,
  type FlowRecord,
  type LinkRecord,
} from '@longhaul/contracts';
import type { z } from 'zod';
import { UnstorableError } from '../database/columns.js';
import { partitionRange } from './partitions.js';

/** A record's time is one that no agent with a right clock would send. */
export class WrongClockError extends UnstorableError {}

const HOUR_MS = 3_600_000;

/** Which batch of which agent: the same however often it comes. */
export interface BatchKey {
  readonly organizationId: string;
  readonly agentId: string;
  readonly bootId: string;
  readonly sequence: number;
}

/** A message: its batch, and the records in their order, which with the batch is their key. */
export interface ParsedTelemetry extends BatchKey {
  readonly links: readonly LinkRecord[];
  readonly flows: readonly FlowRecord[];
}

const SUBJECT = /^lh\.([0-9a-f-]{36})\.([0-9a-f-]{36})\.up\.telemetry\.(link|flow)$/;

/** Organization and agent of a telemetry subject; the server saw to it that no other agent publishes there. */
export const parseTelemetrySubject = (
  subject: string,
): { organizationId: string; agentId: string; kind: string } | undefined => {
  const [, organizationId, agentId, kind] = SUBJECT.exec(subject) ?? [];
  if (organizationId === undefined || agentId === undefined || kind === undefined) return undefined;
  return { organizationId, agentId, kind };
};

/** @throws UnstorableError saying what is wrong with the message */
export const parseTelemetry = (message: Pick<JsMsg, 'subject' | 'data'>): ParsedTelemetry => {
  const source = parseTelemetrySubject(message.subject);
  if (source === undefined) throw new UnstorableError('the subject is not one of telemetry');
  const { organizationId, agentId, kind } = source;
  const body = parseJson(message.data);
  if (kind === 'link') {
    const { bootId, sequence, links } = check(linkTelemetrySchema, body);
    refuseOddTimes(links);
    return { organizationId, agentId, bootId, sequence, links, flows: [] };
  }
  const { bootId, sequence, flows } = check(flowTelemetrySchema, body);
  refuseOddTimes(flows);
  return { organizationId, agentId, bootId, sequence, links: [], flows };
};

const parseJson = (data: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch {
    throw new UnstorableError('it is not JSON');
  }
};

const check = <T>(schema: z.ZodType<T>, body: unknown): T => {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [fault] = parsed.error.issues;
  throw new UnstorableError(`${fault?.path.join('.') ?? ''}: ${fault?.message ?? 'is wrong'}`);
};

const refuseOddTimes = (records: readonly { readonly atMs: number }[]): void => {
  const { fromMs, untilMs } = partitionRange();
  const odd = records.find(({ atMs }) => !(atMs >= fromMs && atMs < untilMs));
  if (odd === undefined) return;
  const hours = (odd.atMs - Date.now()) / HOUR_MS;
  throw new WrongClockError(
    hours > 0
      ? `its clock is ${hours.toFixed(0)} h ahead of the controller's: set it, and keep it right by NTP`
      : `it tells of ${(-hours).toFixed(0)} h ago, more than agents may hold back: set its clock, and keep it right by NTP`,
  );
};
