import { cacheExchange, Client, type CombinedError, fetchExchange, mapExchange } from '@urql/core';

/** Set by the controller on an operation that needs a signed-in viewer. */
const UNAUTHENTICATED = 'UNAUTHENTICATED';
/** Set by the controller on a save whose expectedRevision is no longer the latest. */
const CONFLICT = 'CONFLICT';

function hasCode(error: CombinedError, code: string): boolean {
  return error.graphQLErrors.some((each) => each.extensions.code === code);
}

export const isConflict = (error: CombinedError): boolean => hasCode(error, CONFLICT);

/** The server's own words, or why there are none. */
export function errorMessage(error: CombinedError): string {
  if (error.graphQLErrors.length > 0) return error.graphQLErrors.map(({ message }) => message).join(' ');
  return 'The controller does not answer. Check that it runs and that this computer reaches it, then try again.';
}

/** A client with a cache of its own; `onSessionLost` is called when the controller no longer knows the session. */
export function createApiClient(onSessionLost: () => void): Client {
  return new Client({
    url: '/graphql',
    preferGetMethod: false,
    fetchOptions: { credentials: 'same-origin', headers: { 'x-longhaul-portal': '1' } },
    exchanges: [
      cacheExchange,
      mapExchange({
        onError(error, { kind }) {
          // A mutation shows its own error, and what was typed stays.
          if (kind === 'query' && hasCode(error, UNAUTHENTICATED)) onSessionLost();
        },
      }),
      fetchExchange,
    ],
  });
}
