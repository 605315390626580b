/** A value of a record that no column can hold. */
export class UnstorableError extends Error {}

/** A whole number of bytes or packets. @throws UnstorableError if it is too large to be counted exactly */
export const whole = (value: number): number => {
  const rounded = Math.round(value);
  if (!Number.isSafeInteger(rounded)) throw new UnstorableError(`${String(value)} is too large`);
  return rounded;
};

/** How each column is taken from an item, in the order of an INSERT's columns. */
export type Columns<T> = readonly (readonly [name: string, type: string, get: (item: T) => unknown])[];

/**
 * One array per column, for unnest, as PostgreSQL's text of it. What the driver would make of an array of values is the same; it takes
 * several times as long for numbers and ids, and telemetry has hundreds of thousands of them a second.
 */
export const transpose = <T>(columns: Columns<T>, items: readonly T[]): string[] =>
  columns.map(([, , get]) => {
    let text = '{';
    for (const [index, item] of items.entries()) text += (index === 0 ? '' : ',') + elementOf(get(item));
    return `${text}}`;
  });

/** An element of an array: null, or in quotes unless it is a number. @throws UnstorableError if it is a time that is none */
const elementOf = (value: unknown): string => {
  if (value === null) return 'NULL';
  if (typeof value === 'number') return String(value);
  if (value instanceof Date && Number.isNaN(value.getTime())) {
    throw new UnstorableError('a time is out of range');
  }
  const text = value instanceof Date ? value.toISOString() : String(value);
  return NEEDS_ESCAPE.test(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : `"${text}"`;
};

const NEEDS_ESCAPE = /["\\]/;

/** `unnest($1::uuid[], $2::int[]) AS r(a, b)`: binds one parameter per column, however many rows. */
export const unnest = <T>(columns: Columns<T>): string => {
  const parameters = columns.map(([, type], index) => `$${String(index + 1)}::${type}[]`);
  return `unnest(${parameters.join(', ')}) AS r(${namesOf(columns)})`;
};

export const namesOf = <T>(columns: Columns<T>): string => columns.map(([name]) => name).join(', ');

/** Whether the data is at fault: SQLSTATE 22 (data exception) or 23 (constraint violation), or a value without a column. */
export const isFaultOfData = (error: unknown): error is Error =>
  error instanceof UnstorableError ||
  (error instanceof Error && /^2[23]...$/.test(String((error as { code?: unknown }).code)));
