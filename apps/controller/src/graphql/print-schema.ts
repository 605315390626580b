import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describeSchema } from './describe-schema.js';

/** `npm run schema`: writes apps/controller/schema.graphql. */
writeFileSync(fileURLToPath(new URL('../../schema.graphql', import.meta.url)), await describeSchema());
