import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import pg from 'pg';
import { transpose, unnest, UnstorableError, type Columns } from './columns.js';

interface Item {
  readonly words: string | null;
  readonly count: number | null;
  readonly share: number;
  readonly at: Date;
}

const COLUMNS: Columns<Item> = [
  ['words', 'text', (item) => item.words],
  ['count', 'bigint', (item) => item.count],
  ['share', 'double precision', (item) => item.share],
  ['at', 'timestamptz', (item) => item.at],
];

describe('columns of items', () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    database = await startTestDatabase();
    client = new pg.Client({ connectionString: database.server.workerUrl });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await database.stop();
  });

  const roundTrip = async (items: readonly Item[]): Promise<unknown[]> =>
    (
      await client.query(
        `SELECT words, count::float8 AS count, share, at FROM ${unnest(COLUMNS)}`,
        transpose(COLUMNS, items),
      )
    ).rows;

  it('come to the database as they are, whatever is in them', async () => {
    const words = [
      '',
      ' ',
      'NULL',
      'null',
      '{a,b}',
      'a"b',
      'a\\b',
      '\\"',
      "it's",
      'line\nline',
      'ü€😀',
      null,
    ];
    const items = words.map((each, index) => ({
      words: each,
      count: index % 2 === 0 ? null : Number.MAX_SAFE_INTEGER - index,
      share: [0, -0.5, 1e-7, 1.5e300, 1 / 3][index % 5] ?? 0,
      at: new Date(Date.UTC(2026, 10, 29, 17, 0, 0, index)),
    }));
    expect(await roundTrip(items)).toEqual(items);
    expect(await roundTrip([])).toEqual([]);
  });

  it('that hold no time are refused before the database is asked', () => {
    const item = { words: null, count: null, share: 0, at: new Date(-1e300) };
    expect(() => transpose(COLUMNS, [item])).toThrow(UnstorableError);
  });
});
