import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSchema, findBreakingChanges, type BreakingChange } from 'graphql';

const read = (file: string): string =>
  readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8');
const released = read('schema.released.graphql');
const current = read('schema.graphql');

const breakingChanges = (before: string, after: string): BreakingChange[] =>
  findBreakingChanges(buildSchema(before), buildSchema(after));

/** What was asked of the last release may be asked of this one: a field is deprecated before it goes. */
test('the API breaks no client of the last release', () => {
  expect(breakingChanges(released, current)).toEqual([]);
});

test.each([
  [
    'a field that goes',
    (sdl: string) => sdl.replace(/\n {2}createdAt: DateTime!/g, '\n  madeAt: DateTime!'),
    'FIELD_REMOVED',
  ],
  [
    'a field of another type',
    (sdl: string) => sdl.replace(/\n {2}lanPrefixes: \[String!\]!/, '\n  lanPrefixes: String'),
    'FIELD_CHANGED_KIND',
  ],
  [
    'an input that asks for more',
    (sdl: string) => sdl.replace('input SiteInput {', 'input SiteInput {\n  planet: String!'),
    'REQUIRED_INPUT_FIELD_ADDED',
  ],
  [
    'a value that goes',
    (sdl: string) => sdl.replace(/\n {2}INTERACTIVE/, '\n  EAGER'),
    'VALUE_REMOVED_FROM_ENUM',
  ],
])('%s would be found', (_what, change, kind) => {
  const changed = change(current);
  expect(changed).not.toBe(current);
  expect(breakingChanges(released, changed).map(({ type }) => type)).toContain(kind);
});
