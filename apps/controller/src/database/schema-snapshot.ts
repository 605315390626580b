import type pg from 'pg';
import { z } from 'zod';

export const schemaSnapshotSchema = z.object({
  /** Of the release whose database it is, `major.minor.patch`. */
  version: z.string(),
  /** `schema.table`, then its columns: type, and whether an INSERT has to give a value. */
  tables: z.record(
    z.string(),
    z.record(z.string(), z.object({ type: z.string(), nullable: z.boolean(), required: z.boolean() })),
  ),
  enums: z.record(z.string(), z.array(z.string())),
  /** What ON CONFLICT may name: `schema.table (columns)`. */
  uniqueKeys: z.array(z.string()),
  functions: z.array(z.string()),
  /** `role PRIVILEGE object`, of the roles that the controller connects as. */
  grants: z.array(z.string()),
});

/** What a release may use of its database. */
export type SchemaSnapshot = z.output<typeof schemaSnapshotSchema>;

const OURS = "IN ('public', 'telemetry')";

/** Reads it from PostgreSQL's own catalogue. Partitions are behind their parents. */
export const readSchema = async (client: pg.ClientBase, version: string): Promise<SchemaSnapshot> => {
  const [row] = (
    await client.query<Omit<SchemaSnapshot, 'version'>>(`
      WITH tables AS (
        SELECT c.oid, c.relacl, format('%s.%s', n.nspname, c.relname) AS name
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname ${OURS} AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
          AND c.relname <> '_prisma_migrations'
      ), columns AS (
        SELECT t.name AS "table", a.attname::text AS name, a.attacl, jsonb_build_object(
          'type', format_type(a.atttypid, a.atttypmod), 'nullable', NOT a.attnotnull,
          'required', a.attnotnull AND NOT a.atthasdef AND a.attidentity = '') AS column
        FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
      ), granted AS (
        SELECT t.name AS object, g.* FROM tables t, aclexplode(t.relacl) g
        UNION ALL SELECT format('%s.%s', c."table", c.name), g.* FROM columns c, aclexplode(c.attacl) g
        UNION ALL SELECT p.oid::regprocedure::text, g.* FROM pg_proc p, aclexplode(p.proacl) g
          WHERE p.pronamespace::regnamespace::text ${OURS}
      )
      SELECT
        (SELECT jsonb_object_agg("table", list) FROM (
          SELECT "table", jsonb_object_agg(name, "column") AS list FROM columns GROUP BY 1) AS l) AS tables,
        (SELECT jsonb_object_agg(name, list) FROM (
          SELECT t.typname AS name, jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) AS list
          FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid WHERE t.typnamespace::regnamespace::text ${OURS}
          GROUP BY 1) AS l) AS enums,
        ARRAY(SELECT format('%s (%s)%s', t.name,
            (SELECT string_agg(pg_get_indexdef(i.indexrelid, k, true), ', ' ORDER BY k) FROM generate_series(1, i.indnkeyatts) k),
            ' WHERE ' || pg_get_expr(i.indpred, i.indrelid))
          FROM pg_index i JOIN tables t ON t.oid = i.indrelid WHERE i.indisunique ORDER BY 1) AS "uniqueKeys",
        ARRAY(SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace::regnamespace::text ${OURS} ORDER BY 1) AS functions,
        ARRAY(SELECT format('%s %s %s', grantee::regrole, privilege_type, object) FROM granted
          WHERE grantee IN ('longhaul_app'::regrole, 'longhaul_worker'::regrole) ORDER BY 1) AS grants`)
  ).rows;
  return schemaSnapshotSchema.parse({ version, ...row });
};

/**
 * What `released` uses and `current` does not have: while an upgrade goes on, replicas of both releases work with one
 * database. Takes no notice of what a constraint that is new refuses, which is for a person to think of.
 */
export const breakingSchemaChanges = (released: SchemaSnapshot, current: SchemaSnapshot): string[] => [
  ...Object.entries(released.tables).flatMap(([name, columns]) =>
    brokenTable(name, columns, current.tables[name]),
  ),
  ...Object.entries(released.enums).flatMap(([name, values]) =>
    missingOf(values, current.enums[name] ?? []).map((value) => `the enum ${name} has no ${value}`),
  ),
  ...missingOf(released.uniqueKeys, current.uniqueKeys).map((key) => `the unique key ${key} is gone`),
  ...missingOf(released.functions, current.functions).map((name) => `the function ${name} is gone`),
  ...missingOf(released.grants, current.grants)
    .filter((grant) => !isOnTable(grant, current))
    .map((grant) => `the grant ${grant} is gone`),
];

type Columns = SchemaSnapshot['tables'][string];

const brokenTable = (name: string, released: Columns, current: Columns | undefined): string[] => {
  if (current === undefined) return [`the table ${name} is gone`];
  const changed = Object.entries(released).flatMap(([column, before]) => {
    const now = current[column];
    const place = `${name}.${column}`;
    if (now === undefined) return [`the column ${place} is gone`];
    if (now.type !== before.type) return [`the column ${place} is ${now.type} instead of ${before.type}`];
    if (now.required && !before.required) return [`the column ${place} has to be given`];
    return before.nullable && !now.nullable ? [`the column ${place} may not be null`] : [];
  });
  const added = Object.entries(current)
    .filter(([column, { required }]) => required && released[column] === undefined)
    .map(([column]) => `the new column ${name}.${column} has to be given`);
  return [...changed, ...added];
};

const missingOf = (before: readonly string[], now: readonly string[]): string[] =>
  before.filter((item) => !now.includes(item));

/** A grant on a column is no loss where the whole table is granted. */
const isOnTable = (grant: string, { grants }: SchemaSnapshot): boolean => {
  const [role = '', privilege = '', object = ''] = grant.split(' ');
  const table = object.split('.').slice(0, 2).join('.');
  return grants.includes(`${role} ${privilege} ${table}`);
};
