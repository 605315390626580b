/** A number as people read it, apart from its unit, so that a page can set the unit smaller. */
export interface Quantity {
  value: string;
  unit: string;
}

const NARROW_SPACE = '\u202f';
const NO_BREAK_SPACE = '\u00a0';

/** What stands where a number is unknown. */
export const UNKNOWN = '–';

/** Three significant digits, thousands apart, never an exponent. */
export function significant(value: number): string {
  const magnitude = Math.abs(value);
  const decimals = magnitude >= 99.95 || magnitude === 0 ? 0 : magnitude >= 9.995 ? 1 : 2;
  return value.toFixed(decimals).replace(/\B(?=(\d{3})+(?!\d))/g, NARROW_SPACE);
}

/** A rate given in Mbit/s. */
export function rate(mbps: number): Quantity {
  if (mbps >= 1000) return { value: significant(mbps / 1000), unit: 'Gbit/s' };
  if (mbps >= 0.995 || mbps === 0) return { value: significant(mbps), unit: 'Mbit/s' };
  return { value: significant(mbps * 1000), unit: 'kbit/s' };
}

const BYTE_UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** A count of bytes, in decimal units as networks count. */
export function bytes(count: number): Quantity {
  let value = count;
  let unit = 'B';
  for (const next of BYTE_UNITS) {
    if (value < 999.5) break;
    value /= 1000;
    unit = next;
  }
  return { value: unit === 'B' ? String(Math.round(value)) : significant(value), unit };
}

/** A delay given in milliseconds. */
export function delay(ms: number): Quantity {
  if (ms >= 10_000) return { value: significant(ms / 1000), unit: 's' };
  if (ms < 0.995 && ms > 0) return { value: significant(ms * 1000).replace(/\.\d+$/, ''), unit: 'µs' };
  return { value: significant(ms), unit: 'ms' };
}

/** A share given in percent; what is not zero never reads as zero. */
export function percent(value: number): Quantity {
  if (value === 0) return { value: '0', unit: '%' };
  if (value < 0.001) return { value: '<0.001', unit: '%' };
  return { value: value < 0.1 ? String(Number(value.toPrecision(2))) : significant(value), unit: '%' };
}

/** How many times smaller bytes became: 2.8×. Unknown before a byte was sent. */
export function ratio(before: number, after: number): Quantity | undefined {
  if (before <= 0 || after <= 0) return undefined;
  return { value: significant(before / after), unit: '×' };
}

/** A quantity as one string that does not break between number and unit. */
export function text(quantity: Quantity | undefined): string {
  if (quantity === undefined) return UNKNOWN;
  const gap = quantity.unit === '×' ? '' : NO_BREAK_SPACE;
  return `${quantity.value}${gap}${quantity.unit}`;
}

/** A count with the right form of its noun: "1 agent", "2 agents". */
export function count(value: number, singular: string, plural = `${singular}s`): string {
  return `${significantInteger(value)}${NO_BREAK_SPACE}${value === 1 ? singular : plural}`;
}

/** A whole number, thousands apart. */
export function significantInteger(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, NARROW_SPACE);
}
