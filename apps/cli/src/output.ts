/** A column of a table: its head and what stands in a row. */
export interface Column<T> {
  readonly head: string;
  readonly cell: (row: T) => string | number | boolean | null | undefined;
}

/** Control characters of a name would steer the terminal. */
const clean = (value: string | number | boolean | null | undefined): string =>
  value === null || value === undefined || value === '' ? '-' : String(value).replace(/\p{Cc}+/gu, ' ');

/** Rows under heads, columns aligned, two blanks between. */
export function formatTable<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const lines = [
    columns.map(({ head }) => head),
    ...rows.map((row) => columns.map(({ cell }) => clean(cell(row)))),
  ];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export interface OutputOptions {
  readonly json?: boolean;
}

/** Prints a value: the whole of it as JSON, or as `text` makes it for a person. */
export function print<T>(value: T, { json }: OutputOptions, text: (value: T) => string): void {
  process.stdout.write(`${json === true ? JSON.stringify(value, null, 2) : text(value)}\n`);
}

/** `2026-11-24 22:05` of an ISO time, in UTC. */
export const shortTime = (iso: string | null): string =>
  iso === null ? '-' : iso.slice(0, 16).replace('T', ' ');
