import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../../../', import.meta.url);
const model = readFileSync(new URL('docs/threat-model.md', root), 'utf8');

/** `path`: "part of a name", "part of another" */
const references = [...model.matchAll(/`([\w./-]+\.spec\.tsx?)`((?:[:,] "[^"]+")+)/g)].flatMap(
  ([, file = '', names = '']) =>
    [...names.matchAll(/"([^"]+)"/g)].map(([, name = '']) => [file, name] as const),
);

/** The first arguments of calls, among which the names of tests are. */
const namesIn = (file: string): string[] => {
  const path = fileURLToPath(new URL(file, root));
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return [...text.matchAll(/\((['"`])((?:(?!\1).)+)\1,|^\s+(['"`])((?:(?!\3).)+)\3,$/gm)].map(
    ([, , inline, , below]) => inline ?? below ?? '',
  );
};

test('every test file that is named has the tests that are named with it', () => {
  expect(references.length).toBeGreaterThan(40);
  const missing = references.filter(([file, name]) => !namesIn(file).some((each) => each.includes(name)));
  expect(missing).toEqual([]);
});

test('no test is named in another form', () => {
  const named = new Set(references.map(([file]) => file));
  const mentioned = [...model.matchAll(/[\w./-]+\.spec\.tsx?/g)].map(([file]) => file);
  expect(mentioned.filter((file) => !named.has(file))).toEqual(['apps/controller/src/threat-model.spec.ts']);
});
