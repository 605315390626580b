import DataLoader from 'dataloader';
import type { Transaction } from '../database/prisma.js';
import type { RequestContext } from './request-context.js';

/** Of one batch. */
export interface Batch {
  readonly tx: Transaction;
  readonly organizationId: string;
  readonly keys: string[];
}

/** How to load many values in one query; {@link RequestContext.loader} makes one loader of it per request. */
export interface LoaderDefinition<Value> {
  create(context: RequestContext): DataLoader<string, Value | undefined>;
}

/** @param load returns the values that there are, by key */
export const defineLoader = <Value>(
  load: (batch: Batch) => Promise<ReadonlyMap<string, Value>>,
): LoaderDefinition<Value> => ({
  create: (context) =>
    new DataLoader(async (keys) => {
      const { organizationId } = context;
      const found = await context.read((tx) => load({ tx, organizationId, keys: [...keys] }));
      return keys.map((key) => found.get(key));
    }),
});

/** @returns one entry for each key that a row has, with the rows in their order */
export const groupBy = <Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> => {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group === undefined) groups.set(keyOf(row), [row]);
    else group.push(row);
  }
  return groups;
};

export const indexBy = <Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row> =>
  new Map(rows.map((row) => [keyOf(row), row]));
