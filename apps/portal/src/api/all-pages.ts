import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import type { Client, CombinedError } from '@urql/core';

/** Items that the portal asks for at once: as many as the API gives. */
export const PAGE_SIZE = 500;

export interface Page<Item> {
  nodes: Item[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

/** What a document of one page takes. */
export interface PageVariables {
  first: number;
  after: string | null;
  [name: string]: unknown;
}

/** A document that asks for one page of a list, and where the page is in the answer. */
export interface PagedList<Item, Data> {
  document: TypedDocumentNode<Data, PageVariables>;
  pageOf: (data: Data) => Page<Item>;
}

export type Outcome<Item> = { items: Item[] } | { error: CombinedError };

/** Reads a list to its end, page by page, past the cache. */
export async function readAllPages<Item, Data>(
  client: Client,
  { document, pageOf }: PagedList<Item, Data>,
): Promise<Outcome<Item>> {
  const items: Item[] = [];
  let after: string | null = null;
  do {
    const { data, error } = await client
      .query(document, { first: PAGE_SIZE, after }, { requestPolicy: 'network-only' })
      .toPromise();
    if (error !== undefined) return { error };
    if (data === undefined) break;
    const { nodes, pageInfo }: Page<Item> = pageOf(data);
    items.push(...nodes);
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null);
  return { items };
}
