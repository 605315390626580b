import { createClient, type FormattedExecutionResult } from 'graphql-ws';
import { WebSocket, type CloseEvent } from 'ws';
import type { Answer } from './test-api.js';

type Errors = NonNullable<Answer['errors']>;

/** Asked for after a subscription: the answer (it is refused here) says that the subscription was dealt with. */
const QUERY = '{ viewer { id } }';

/**
 * Subscribes over a WebSocket of its own, and ends it once the server has taken the subscription or refused it.
 *
 * @returns the errors of a refusal; a connection that is closed at once counts as one
 */
export const subscribeOnce = async (
  origin: string,
  headers: Record<string, string>,
  query: string,
  variables: Record<string, unknown>,
): Promise<Errors | undefined> => {
  class Socket extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols, { headers });
    }
  }
  const client = createClient({
    url: `${origin.replace('http', 'ws')}/graphql`,
    webSocketImpl: Socket,
    retryAttempts: 0,
    lazy: false,
    onNonLazyError: () => undefined,
  });
  const ask = (asked: string, given?: Record<string, unknown>): Promise<Errors | undefined> =>
    new Promise((resolve) => {
      client.subscribe(
        { query: asked, variables: given },
        {
          next: (event: FormattedExecutionResult) => {
            if (event.errors !== undefined) resolve(event.errors as unknown as Errors);
          },
          error: (reason) => {
            resolve(errorsOf(reason));
          },
          complete: () => {
            resolve(undefined);
          },
        },
      );
    });
  try {
    const refused = ask(query, variables);
    const taken = ask(QUERY).then((errors) =>
      // Of a connection that was closed: so was the subscription.
      errors?.[0]?.extensions['code'] === 'BAD_INPUT' ? undefined : errors,
    );
    return await Promise.race([refused, taken]);
  } finally {
    await client.dispose();
  }
};

const errorsOf = (reason: unknown): Errors => {
  if (Array.isArray(reason)) return reason as Errors;
  const { code, reason: message = String(reason) } = (reason ?? {}) as Partial<CloseEvent> & {
    reason?: string;
  };
  return [{ message, extensions: { code: code === 4401 ? 'UNAUTHENTICATED' : code } }];
};
