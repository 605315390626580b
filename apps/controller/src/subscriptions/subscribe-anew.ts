import { createSourceEventStream, execute, type ExecutionArgs, type ExecutionResult } from 'graphql';
import type { RequestContext } from '../graphql/request-context.js';

type Args = Omit<ExecutionArgs, 'contextValue'> & { readonly contextValue: RequestContext };

/**
 * As `subscribe` of graphql-js, but each event is resolved in a context of its own: what was read for one event (loaders,
 * the reading transaction) must not be what the next one shows.
 *
 * @param newContext of whoever subscribed, as they are now
 */
export const subscribeAnew = async (
  args: Args,
  newContext: () => RequestContext,
): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> => {
  const source = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in source)) return source;
  const events = source[Symbol.asyncIterator]();
  const results: AsyncIterableIterator<ExecutionResult> = {
    [Symbol.asyncIterator]: () => results,
    next: async () => {
      const { done, value } = await events.next();
      if (done === true) return { done: true, value: undefined };
      const contextValue = newContext();
      try {
        return { done: false, value: await execute({ ...args, rootValue: value, contextValue }) };
      } finally {
        await contextValue.finish();
      }
    },
    return: async () => {
      await events.return?.();
      return { done: true, value: undefined };
    },
  };
  return results;
};
