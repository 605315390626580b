import { InvalidArgumentError } from 'commander';

const UNIT_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `90s`, `5m`, `4h` or `2d`, in seconds. */
export function parseDuration(text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count === undefined)
    throw new InvalidArgumentError('It must be a time such as "90s", "5m", "4h" or "2d".');
  return Number(count) * (UNIT_S[unit] ?? 1);
}

/** The largest unit in which so many seconds are a whole number: `5m`. */
export function formatDuration(seconds: number): string {
  const [unit, length] = Object.entries(UNIT_S).findLast(
    ([, each]) => seconds > 0 && seconds % each === 0,
  ) ?? ['s', 1];
  return `${seconds / length}${unit}`;
}
