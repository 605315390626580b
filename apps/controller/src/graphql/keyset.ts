import { z } from 'zod';
import { badInput } from './errors.js';
import { MAX_PAGE_SIZE, DEFAULT_PAGE_SIZE, type Connection, type PageArgs } from './page.model.js';
import { parseInput } from './validation.js';

/** What a column by which a list is ordered holds; of an enumeration, its values in the database's order. */
export type KeyKind = 'text' | 'id' | 'time' | 'number' | readonly string[];
export type KeyValue = string | number | Date;

/** One of the columns by which a list is ordered. No value of it is null. */
export interface Key {
  /** Of a column of a relation: `user.email`. */
  readonly path: string;
  readonly direction: 'asc' | 'desc';
  readonly kind: KeyKind;
}

export const ascending = (path: string, kind: KeyKind): Key => ({ path, direction: 'asc', kind });
export const descending = (path: string, kind: KeyKind): Key => ({ path, direction: 'desc', kind });

/** Of one page. */
export interface Page {
  readonly first: number;
  /** Where the page before ended: a value for each key. */
  readonly after: readonly KeyValue[] | undefined;
}

const firstSchema = z.object({ first: z.int().min(1).max(MAX_PAGE_SIZE) });

/**
 * The order of a list, by which it is read page by page: a page begins after the values at which the one before ended
 * (keyset pagination), so that what comes and goes meanwhile neither repeats nor hides the rest. The last key has to be
 * unique. Cursors name their list, so that one of another list is told apart.
 */
export class Keyset {
  private readonly cursorSchema: z.ZodType<readonly unknown[]>;

  constructor(
    private readonly list: string,
    readonly keys: readonly [Key, ...Key[]],
  ) {
    this.cursorSchema = z.tuple([z.literal(list), ...keys.map(({ kind }) => schemaOf(kind))]);
  }

  /** @throws ApiError BAD_INPUT for a size out of range, and (INVALID_CURSOR) for a cursor that is none of this list */
  parse({ first, after }: PageArgs): Page {
    const parsed = parseInput(firstSchema, { first: first ?? DEFAULT_PAGE_SIZE });
    return { ...parsed, after: after == null ? undefined : this.decode(after) };
  }

  /** @param found in order, from the page's beginning: one more than asked for tells whether there is another page */
  connect<Row extends object, Node>(
    found: readonly Row[],
    first: number,
    toNode: (row: Row) => Node,
  ): Connection<Node> {
    const edges = found.slice(0, first).map((row) => ({ cursor: this.encode(row), node: toNode(row) }));
    return {
      edges,
      nodes: edges.map(({ node }) => node),
      pageInfo: { hasNextPage: found.length > first, endCursor: edges.at(-1)?.cursor ?? null },
    };
  }

  private encode(row: object): string {
    const values = this.keys.map(({ path }) => {
      const value = valueAt(row, path);
      return value instanceof Date ? value.getTime() : value;
    });
    return Buffer.from(JSON.stringify([this.list, ...values])).toString('base64url');
  }

  private decode(cursor: string): KeyValue[] {
    const parsed = this.cursorSchema.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()));
    if (parsed.success) return parsed.data.slice(1) as KeyValue[];
    throw badInput([
      {
        path: 'after',
        code: 'INVALID_CURSOR',
        message: `is not a cursor of "${this.list}": take endCursor of a page of this list, or leave it out`,
      },
    ]);
  }
}

const schemaOf = (kind: KeyKind): z.ZodType => {
  if (kind === 'text') return z.string().max(1000);
  if (kind === 'id') return z.uuid();
  if (kind === 'number') return z.int();
  if (kind === 'time') {
    return z
      .int()
      .transform((ms) => new Date(ms))
      .refine((date) => !Number.isNaN(date.getTime()));
  }
  return z.enum(kind as [string, ...string[]]);
};

/** @throws Error where the row has no such value: the list was read without it */
const valueAt = (row: object, path: string): KeyValue => {
  const value = path
    .split('.')
    .reduce<unknown>((within, name) => (within as Record<string, unknown> | undefined)?.[name], row);
  if (typeof value === 'string' || typeof value === 'number' || value instanceof Date) return value;
  throw new Error(`a row has no ${path}`);
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
