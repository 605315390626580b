import type { ApolloServerPlugin } from '@apollo/server';
import { trace } from '@opentelemetry/api';
import { graphqlOperationSeconds } from '../metrics/metrics.js';
import { fail } from '../tracing/tracing.js';
import type { RequestContext } from './request-context.js';

/** Counts and times every operation, and names it in the request's span. */
export const observeOperations: ApolloServerPlugin<RequestContext> = {
  requestDidStart: () => {
    const stopTimer = graphqlOperationSeconds.startTimer();
    return Promise.resolve({
      willSendResponse: ({ operation, operationName, errors }) => {
        const type = operation?.operation ?? 'none';
        const outcome = errors?.[0] === undefined ? 'ok' : String(errors[0].extensions['code'] ?? 'INTERNAL');
        stopTimer({ type, outcome: /^[A-Z_]{1,40}$|^ok$/.test(outcome) ? outcome : 'INTERNAL' });
        const span = trace.getActiveSpan();
        span?.setAttributes({
          'graphql.operation.type': type,
          'graphql.operation.name': operationName ?? '',
        });
        if (span !== undefined && outcome !== 'ok') fail(span, outcome);
        return Promise.resolve();
      },
    });
  },
};
