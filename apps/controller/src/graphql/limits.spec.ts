import { buildSchema, Kind, parse, specifiedRules, validate } from 'graphql';
import { costOf } from './cost.js';
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

describe('the cost of a query', () => {
  const priced = buildSchema(`
    type Query { sites(first: Int = 100, after: String): Sites, site: Site }
    type Sites { edges: [Edge], nodes: [Site], pageInfo: PageInfo, totalCount: Int }
    type Edge { cursor: String, node: Site }
    type PageInfo { endCursor: String }
    type Site { id: ID, agents(first: Int): Agents, ports: [Port] }
    type Agents { nodes: [Agent] }
    type Agent { id: ID, site: Site }
    type Port { from: Int }`);
  const cost = (query: string, variables: Record<string, unknown> = {}): number => {
    const document = parse(query);
    const [operation] = document.definitions;
    if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('begin with the operation');
    return costOf({ schema: priced, document, operation, variables });
  };

  test.each([
    ['{ site { id } }', 1],
    ['{ site { id agents { nodes { id site { id } } } } }', 1 + 1 + 100 * 2],
    ['{ sites(first: 7) { nodes { id } pageInfo { endCursor } totalCount } }', 1 + 7 + 1],
    ['{ sites { nodes { id } } }', 1 + 100],
    [
      '{ sites(first: 20) { edges { node { agents(first: 30) { nodes { id } } } } } }',
      1 + 20 * (1 + 1 + 1 + 30),
    ],
    ['{ a: sites(first: 2) { ...x } b: sites(first: 3) { ...x } } fragment x on Sites { nodes { id } }', 7],
    ['{ sites(first: 2) { ... on Sites { nodes { ports { from } } } } }', 1 + 2 * (1 + 5)],
    ['{ __schema { types { name fields { name } } } }', 0],
  ])('%s is %d', (query, expected) => {
    expect(cost(query)).toBe(expected);
  });

  test('is that of the sizes that the variables say', () => {
    const query = 'query ($n: Int = 50) { sites(first: $n) { nodes { id } } }';
    expect(cost(query)).toBe(51);
    expect(cost(query, { n: 400 })).toBe(401);
    expect(cost(query, { n: null })).toBe(101);
    expect(cost(query, { n: 'many' })).toBe(101);
  });
});
