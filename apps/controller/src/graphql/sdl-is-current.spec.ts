import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSchema, isIntrospectionType } from 'graphql';
import { describeSchema } from './describe-schema.js';

const committed = readFileSync(fileURLToPath(new URL('../../schema.graphql', import.meta.url)), 'utf8');

test('schema.graphql is what the classes say; if not: npm run schema -w @longhaul/controller', async () => {
  expect(await describeSchema()).toBe(committed);
});

test('everything in it is described', () => {
  const silent = Object.values(buildSchema(committed).getTypeMap())
    .filter(
      (type) => !isIntrospectionType(type) && !['Query', 'Mutation', 'Subscription'].includes(type.name),
    )
    .flatMap((type) => {
      const fields = 'getFields' in type ? Object.values(type.getFields()) : [];
      return [type, ...fields]
        .filter(({ description }) => !description)
        .map(({ name }) => `${type.name}.${name}`);
    });
  expect(silent).toEqual([]);
});
