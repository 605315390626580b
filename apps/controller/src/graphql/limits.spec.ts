import { buildSchema, parse, specifiedRules, validate } from 'graphql';
import { limitSize, MAX_DEPTH, MAX_FIELDS } from './limits.js';

const schema = buildSchema('type Query { a: Query b: Int }');
const faults = (query: string): string[] =>
  validate(schema, parse(query), [...specifiedRules, limitSize]).map(({ message }) => message);

const nested = (depth: number): string => `${'{ a '.repeat(depth - 1)}{ b ${'}'.repeat(depth)}`;

test('a query may be as deep as the limit and no deeper, also by fragments', () => {
  expect(faults(nested(MAX_DEPTH))).toEqual([]);
  expect(faults(nested(MAX_DEPTH + 1))).toEqual([expect.stringContaining('levels deep')]);
  expect(faults(`{ a { a { ...x } } } fragment x on Query ${nested(MAX_DEPTH)}`)).toEqual([
    expect.stringContaining('levels deep'),
  ]);
});

test('fields count as often as fragments are used', () => {
  const many = (count: number): string =>
    Array.from({ length: count }, (_, i) => `f${String(i)}: b`).join(' ');
  expect(faults(`{ ${many(MAX_FIELDS)} }`)).toEqual([]);
  expect(faults(`{ ${many(MAX_FIELDS + 1)} }`)).toEqual([expect.stringContaining('fields')]);
  const fans = Array.from(
    { length: 12 },
    (_, i) =>
      `fragment f${String(i)} on Query { p: a { ...f${String(i + 1)} } q: a { ...f${String(i + 1)} } }`,
  );
  expect(faults(`{ ...f0 } ${fans.join(' ')} fragment f12 on Query { b }`).join()).toContain('fields');
});

test('a fragment that contains itself is refused, and ends', () => {
  expect(faults('{ ...x } fragment x on Query { a { ...x } }').join()).toContain('Cannot spread fragment');
});
