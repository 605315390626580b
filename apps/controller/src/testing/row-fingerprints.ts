import type { Fixtures } from './fixtures.js';

/** What a mere look changes. */
const NOT_A_CHANGE = ['last_used_at', 'last_seen_at'];

interface Table {
  readonly name: string;
  readonly organization: string | null;
}

/** The tables of the control plane, and the column that says whose a row is. */
const tablesOf = (fixtures: Fixtures): Promise<Table[]> =>
  fixtures.query<Table & { [column: string]: unknown }>(`
    SELECT c.relname::text AS name,
           CASE WHEN c.relname = 'organizations' THEN 'id' ELSE a.attname::text END AS organization
    FROM pg_class c
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> '_prisma_migrations'
    ORDER BY 1`);

const rowsOf = async (fixtures: Fixtures, table: Table, organizationId?: string): Promise<string[]> => {
  const mine = organizationId === undefined ? '' : `WHERE t.${table.organization ?? ''} = $1`;
  const rows = await fixtures.query<{ row: string }>(
    `SELECT (to_jsonb(t) - $${mine === '' ? '1' : '2'}::text[])::text AS row FROM "${table.name}" t ${mine} ORDER BY 1`,
    [...(mine === '' ? [] : [organizationId]), NOT_A_CHANGE],
  );
  return rows.map(({ row }) => row);
};

/** Every row of the control plane, or of one organization, by table. */
export const allRows = async (
  fixtures: Fixtures,
  organizationId?: string,
): Promise<Record<string, string[]>> => {
  const tables = (await tablesOf(fixtures)).filter(
    ({ organization }) => organizationId === undefined || organization !== null,
  );
  const rows = await Promise.all(
    tables.map(async (table) => [table.name, await rowsOf(fixtures, table, organizationId)] as const),
  );
  return Object.fromEntries(rows);
};

/** Every id and key that stands in an organization's rows. */
export const allIds = async (fixtures: Fixtures, organizationId: string): Promise<Set<string>> => {
  const text = JSON.stringify(await allRows(fixtures, organizationId));
  return new Set(text.match(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g));
};
