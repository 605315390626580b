import type pg from 'pg';
import type { Manifest } from './manifest.js';

/** A table with rows of its own or of its partitions. */
export interface StoredTable {
  readonly schema: 'public' | 'telemetry';
  readonly name: string;
  /** But those that are computed from others. */
  readonly columns: string[];
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** `schema.name`, quoted. */
export const quotedTable = ({ schema, name }: Pick<StoredTable, 'schema' | 'name'>): string =>
  `${quote(schema)}.${quote(name)}`;

/** `SELECT` of all that is stored, for COPY. */
export const selectAll = (table: StoredTable): string =>
  `SELECT ${table.columns.map(quote).join(', ')} FROM ${quotedTable(table)}`;

/** The statement that takes what {@link selectAll} gave. */
export const copyInto = (table: StoredTable): string =>
  `COPY ${quotedTable(table)} (${table.columns.map(quote).join(', ')}) FROM STDIN`;

/** The tables of this database, each after those that it points at; the history of migrations is not one of them. */
export const readTables = async (client: pg.ClientBase): Promise<StoredTable[]> => {
  const { rows } = await client.query<StoredTable & { oid: number; parents: number[] }>(`
    SELECT c.oid::int AS oid, c.relnamespace::regnamespace::text AS schema, c.relname::text AS name,
      (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
      ARRAY(SELECT DISTINCT f.confrelid::int FROM pg_constraint f
            WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid <> c.oid) AS parents
    FROM pg_class c
    WHERE c.relnamespace::regnamespace::text IN ('public', 'telemetry') AND c.relkind IN ('r', 'p')
      AND NOT c.relispartition AND c.relname <> '_prisma_migrations'
    ORDER BY schema, name`);
  return parentsFirst(rows).map(({ schema, name, columns }) => ({ schema, name, columns }));
};

const parentsFirst = <T extends { oid: number; name: string; parents: number[] }>(
  tables: readonly T[],
): T[] => {
  const sorted: T[] = [];
  const left = new Map(tables.map((table) => [table.oid, table]));
  while (left.size > 0) {
    const next = [...left.values()].filter(({ parents }) => parents.every((parent) => !left.has(parent)));
    if (next.length === 0) {
      const names = [...left.values()].map(({ name }) => name);
      throw new Error(`the tables ${names.join(', ')} point at each other in a circle`);
    }
    for (const table of next) left.delete(table.oid);
    sorted.push(...next);
  }
  return sorted;
};

export const readPartitions = async (client: pg.ClientBase): Promise<Manifest['partitions']> => {
  const { rows } = await client.query<Manifest['partitions'][number]>(`
    SELECT p.relname::text AS parent, c.relname::text AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
    WHERE c.relispartition AND c.relnamespace = 'telemetry'::regnamespace AND c.relkind = 'r'
    ORDER BY 1, 2`);
  return rows;
};

/** Makes the partitions that the database lacks; their schema is telemetry's. */
export const makePartitions = async (
  client: pg.ClientBase,
  partitions: Manifest['partitions'],
): Promise<void> => {
  for (const { parent, name, bound } of partitions) {
    await client.query(
      `CREATE TABLE IF NOT EXISTS telemetry.${quote(name)} PARTITION OF telemetry.${quote(parent)} ${bound}`,
    );
  }
};

/** Those that have given out a number. */
export const readSequences = async (client: pg.ClientBase): Promise<Manifest['sequences']> => {
  const { rows } = await client.query<Manifest['sequences'][number]>(`
    SELECT schemaname::text AS schema, sequencename::text AS name, last_value::text AS value FROM pg_sequences
    WHERE schemaname IN ('public', 'telemetry') AND last_value IS NOT NULL ORDER BY 1, 2`);
  return rows;
};

export const setSequences = async (
  client: pg.ClientBase,
  sequences: Manifest['sequences'],
): Promise<void> => {
  for (const { schema, name, value } of sequences) {
    await client.query('SELECT setval($1::regclass, $2::bigint)', [quotedTable({ schema, name }), value]);
  }
};
