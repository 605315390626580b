/** A figure with its bar. */
export interface Check {
  /** What was measured, e.g. `metro, from the first byte`. */
  what: string;
  unit: string;
  measured: number;
  bar: number;
  sense: 'at least' | 'at most';
}

/** A figure that does not exist, NaN, meets nothing. */
export function isMet({ measured, bar, sense }: Check): boolean {
  return sense === 'at least' ? measured >= bar : measured <= bar;
}

export const CHECK_HEADER = ['Figure', 'Measured', 'Bar', 'Verdict'];

export function checkCells(check: Check): string[] {
  const { what, unit, measured, bar, sense } = check;
  const missing = sense === 'at least' ? bar - measured : measured - bar;
  const verdict = isMet(check) ? 'met' : `short by ${shown(missing)}`;
  return [what, `${shown(measured)} ${unit}`.trim(), `${sense} ${shown(bar)}`, verdict];
}

/** At least three digits and no false ones. */
function shown(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return Math.abs(value) >= 100
    ? value.toFixed(0)
    : Math.abs(value) >= 10
      ? value.toFixed(1)
      : value.toFixed(2);
}
