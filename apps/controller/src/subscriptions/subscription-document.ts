import {
  getOperationAST,
  GraphQLError,
  parse,
  specifiedRules,
  validate,
  type ExecutionArgs,
  type GraphQLSchema,
} from 'graphql';
import { assertAffordable } from '../graphql/cost.js';
import { limitSize, MAX_TOKENS } from '../graphql/limits.js';

/** What a client sends to subscribe. */
export interface SubscribeRequest {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Record<string, unknown> | null | undefined;
}

const refuse = (message: string): readonly GraphQLError[] => [
  new GraphQLError(message, { extensions: { code: 'BAD_INPUT' } }),
];

/** Checked as a query over HTTP is, and that it is a subscription. Returns why not, if it is not good. */
export const prepareSubscription = (
  schema: GraphQLSchema,
  { query, operationName, variables }: SubscribeRequest,
): Omit<ExecutionArgs, 'contextValue'> | readonly GraphQLError[] => {
  try {
    const document = parse(query, { maxTokens: MAX_TOKENS });
    const faults = validate(schema, document, [...specifiedRules, limitSize]);
    if (faults.length > 0) return faults.flatMap(({ message }) => refuse(message));
    const operation = getOperationAST(document, operationName);
    if (operation?.operation !== 'subscription') {
      return refuse('Only subscriptions are served here: send queries and mutations by POST to /graphql.');
    }
    const variableValues = variables ?? {};
    assertAffordable({ schema, document, operation, variables: variableValues });
    return { schema, document, operationName: operationName ?? null, variableValues };
  } catch (error) {
    if (error instanceof GraphQLError && error.extensions['code'] !== undefined) return [error];
    return refuse(error instanceof Error ? error.message : 'The document cannot be read.');
  }
};
