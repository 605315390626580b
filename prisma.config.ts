import { defineConfig } from 'prisma/config';

/** For the Prisma command line only; the controller applies the migrations itself at start-up. */
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env['DATABASE_OWNER_URL'] ?? 'postgresql://localhost/longhaul' },
});
