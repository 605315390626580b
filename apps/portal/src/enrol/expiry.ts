const HOUR_MS = 3_600_000;

/** How long a token may be used, as the wizard offers it. */
export const EXPIRIES = [
  { value: '1', label: '1 hour' },
  { value: '24', label: '1 day' },
  { value: '168', label: '7 days' },
  { value: '720', label: '30 days' },
] as const;

export type ExpiryHours = (typeof EXPIRIES)[number]['value'];

/** When a token made now ends, as ISO 8601. */
export const expiresAt = (hours: ExpiryHours, nowMs: number): string =>
  new Date(nowMs + Number(hours) * HOUR_MS).toISOString();
