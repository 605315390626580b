import pg from 'pg';
import { ROLES, type Passwords } from './credentials.js';

export const DATABASE = 'longhaul';

/**
 * Creates the database and its roles, and sets the roles' passwords; safe to repeat.
 * None of the roles is a superuser or bypasses row-level security.
 */
export const provision = async (adminUrl: string, passwords: Passwords): Promise<void> => {
  const client = new pg.Client({ connectionString: adminUrl });
  client.on('error', () => undefined);
  await client.connect();
  try {
    for (const key of ['owner', 'app', 'worker'] as const) {
      await ensureRole(client, ROLES[key], passwords[key]);
    }
    await ensureDatabase(client);
  } finally {
    await client.end();
  }
};

const ensureRole = async (client: pg.Client, role: string, password: string): Promise<void> => {
  const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
  const verb = rowCount === 0 ? 'CREATE' : 'ALTER';
  await client.query(
    `${verb} ROLE ${client.escapeIdentifier(role)} WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD ${client.escapeLiteral(password)}`,
  );
};

const ensureDatabase = async (client: pg.Client): Promise<void> => {
  const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
  if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE} OWNER ${ROLES.owner}`);
  await client.query(`REVOKE ALL ON DATABASE ${DATABASE} FROM PUBLIC`);
  await client.query(`GRANT CONNECT ON DATABASE ${DATABASE} TO ${ROLES.app}, ${ROLES.worker}`);
};
