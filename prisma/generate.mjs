// Generates the Prisma client without internet: `prisma generate` insists on a schema engine that it never runs, so any
// executable file will do in its place. (Never run `migrate diff` that way: it would find no difference, ever.)
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const cli = createRequire(join(root, 'apps/controller/package.json')).resolve('prisma/build/index.js');
const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'generate'], {
  cwd: root,
  encoding: 'utf8',
  env: {
    ...process.env,
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    CHECKPOINT_DISABLE: '1',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
  },
});
if (status !== 0) {
  process.stderr.write(
    `${stdout}${stderr}\nThe Prisma client could not be generated from prisma/schema.prisma.\n`,
  );
  process.exit(status ?? 1);
}
