import { readFileSync } from 'node:fs';
import { buildSchema, type DocumentNode, Kind, validate } from 'graphql';
import { describe, expect, it } from 'vitest';

const schema = buildSchema(
  readFileSync(new URL('../../../controller/schema.graphql', import.meta.url), 'utf8'),
);

const modules = import.meta.glob<Record<string, unknown>>('../*/*.documents.ts', { eager: true });

const isDocument = (value: unknown): value is DocumentNode =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === Kind.DOCUMENT;

const documents = Object.entries(modules).flatMap(([file, exported]) =>
  Object.entries(exported).flatMap(([name, value]) =>
    isDocument(value) ? [{ file, name, document: value }] : [],
  ),
);

describe('what the portal asks of the controller', () => {
  it('is found by this test', () => {
    expect(documents.length).toBeGreaterThanOrEqual(14);
  });

  it.each(documents)('$name is in the controller’s SDL', ({ document }) => {
    expect(validate(schema, document).map(({ message }) => message)).toEqual([]);
  });
});
