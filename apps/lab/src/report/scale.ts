/** Steps of an axis are these times a power of ten, so that its numbers read easily. */
const STEPS = [1, 2, 2.5, 5, 10];

/** Round values from 0 to at least `max`, about `count` of them. */
export function ticks(max: number, count = 5): number[] {
  if (!(max > 0)) return [0, 1];
  const wanted = max / count;
  const magnitude = 10 ** Math.floor(Math.log10(wanted));
  const step = (STEPS.find((candidate) => candidate * magnitude >= wanted) ?? 10) * magnitude;
  return Array.from({ length: Math.ceil(max / step - 1e-9) + 1 }, (_, i) =>
    Number((i * step).toPrecision(12)),
  );
}

/** A number with three significant digits and no needless zeros: 0, 0.35, 12.4, 941, 12,300. */
export function formatNumber(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return value === 0 ? '0' : '–';
  const digits = Math.min(3, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return value.toLocaleString('en-GB', { maximumFractionDigits: digits });
}
