import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { migrate } from './migrate.js';
import { MIGRATIONS_DIR } from './migrations.js';
import { RELEASE } from './release.js';
import { readSchema } from './schema-snapshot.js';

/**
 * `DATABASE_OWNER_URL=… node dist/database/record-schema.js`, after a release: brings an empty database up to it, and records
 * what it has in prisma/released-schema.json, against which the migrations of the next one are checked.
 */
const url = process.env['DATABASE_OWNER_URL'];
if (url === undefined) throw new Error('DATABASE_OWNER_URL is not set: name an empty database');
await migrate(url);
const client = new pg.Client({ connectionString: url });
await client.connect();
const snapshot = await readSchema(client, RELEASE);
await client.end();
writeFileSync(join(MIGRATIONS_DIR, '../released-schema.json'), `${JSON.stringify(snapshot, undefined, 2)}\n`);
