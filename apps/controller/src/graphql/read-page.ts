import type { Key, KeyValue, Keyset } from './keyset.js';
import type { Connection, CountedConnection, PageArgs } from './page.model.js';

/** The part of a Prisma query that a page decides. */
export interface PageQuery<Where, OrderBy> {
  readonly where: Where;
  readonly orderBy: OrderBy[];
  readonly take: number;
}

/** How a list is read from a table. */
export interface ListReader<Where, OrderBy, Row extends object, Node> {
  /** What belongs to the list, the cursor apart. */
  readonly where: Where;
  readonly find: (query: PageQuery<Where, OrderBy>) => Promise<Row[]>;
  readonly toNode: (row: Row) => Node;
}

/** One page of a list, by Prisma. @throws ApiError as {@link Keyset.parse} */
export const readPage = async <Where, OrderBy, Row extends object, Node>(
  keyset: Keyset,
  args: PageArgs,
  { where, find, toNode }: ListReader<Where, OrderBy, Row, Node>,
): Promise<Connection<Node>> => {
  const { first, after } = keyset.parse(args);
  const found = await find({
    where: (after === undefined ? where : { AND: [where, beyond(keyset.keys, after)] }) as Where,
    orderBy: keyset.keys.map(({ path, direction }) => nest(path, direction)) as OrderBy[],
    take: first + 1,
  });
  return keyset.connect(found, first, toNode);
};

/** As {@link readPage}, for a list that is cheap to count. */
export const readCountedPage = async <Where, OrderBy, Row extends object, Node>(
  keyset: Keyset,
  args: PageArgs,
  reader: ListReader<Where, OrderBy, Row, Node> & {
    readonly count: (query: { readonly where: Where }) => Promise<number>;
  },
): Promise<CountedConnection<Node>> => ({
  ...(await readPage(keyset, args, reader)),
  get totalCount() {
    return reader.count({ where: reader.where });
  },
});

/** What comes after the values: `a > x OR (a = x AND (b > y OR …))`. */
const beyond = ([key, ...keys]: readonly Key[], [value, ...values]: readonly KeyValue[]): object => {
  if (key === undefined || value === undefined) throw new Error('a cursor has a value for each key');
  const further = nest(key.path, past(key, value));
  if (keys.length === 0) return further;
  return { OR: [further, { AND: [nest(key.path, value), beyond(keys, values)] }] };
};

/** Prisma compares the values of an enumeration for equality only. */
const past = ({ kind, direction }: Key, value: KeyValue): object => {
  if (typeof kind === 'string') return direction === 'asc' ? { gt: value } : { lt: value };
  const index = kind.indexOf(String(value));
  return { in: direction === 'asc' ? kind.slice(index + 1) : kind.slice(0, index) };
};

/** `{ user: { email: inner } }` of `user.email`. */
const nest = (path: string, inner: unknown): object =>
  path.split('.').reduceRight<unknown>((within, name) => ({ [name]: within }), inner) as object;
