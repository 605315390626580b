import { InvalidArgumentError } from 'commander';

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, d: 86_400_000 };

/** `12h`, `30d` ago, or an ISO 8601 time. */
export function parsePast(text: string, nowMs = Date.now()): string {
  const [, count, unit] = /^(\d{1,4})([hd])$/.exec(text) ?? [];
  const atMs = count === undefined ? Date.parse(text) : nowMs - Number(count) * (UNIT_MS[unit ?? ''] ?? 0);
  if (Number.isNaN(atMs)) {
    throw new InvalidArgumentError(
      'It must be hours or days ago ("12h", "30d") or a time (2027-01-31T12:00Z).',
    );
  }
  return new Date(atMs).toISOString();
}
