import type { AuditEvent } from './operations.js';

/** The forms that an audit log is exported in: a JSON object a line, or comma-separated values (RFC 4180). */
export const AUDIT_FORMATS = ['ndjson', 'csv'] as const;
export type AuditFormat = (typeof AUDIT_FORMATS)[number];

const COLUMNS = [
  'at',
  'action',
  'actorKind',
  'actorName',
  'actorId',
  'origin',
  'sessionId',
  'targetId',
  'before',
  'after',
  'id',
] as const satisfies readonly (keyof AuditEvent)[];

/** A spreadsheet takes what begins so for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

const csvCell = (value: string | null): string => {
  const text = value ?? '';
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
};

const parse = (json: string | null): unknown => (json === null ? null : JSON.parse(json));

/** What stands before the first event; undefined: nothing. */
export const auditHead = (format: AuditFormat): string | undefined =>
  format === 'csv' ? COLUMNS.join(',') : undefined;

export const auditLine = (event: AuditEvent, format: AuditFormat): string =>
  format === 'csv'
    ? COLUMNS.map((column) => csvCell(event[column])).join(',')
    : JSON.stringify({ ...event, before: parse(event.before), after: parse(event.after) });
