import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { type AnyVariables, gql } from '@urql/core';

/** Variables of a document that takes none. */
export type NoVariables = Record<string, never>;

/** A document with the types of its answer and of its variables. Written against the SDL; documents.spec.ts checks it. */
export function document<Data, Variables extends AnyVariables = NoVariables>(
  source: string,
): TypedDocumentNode<Data, Variables> {
  return gql<Data, Variables>(source);
}
