import { randomUUID } from 'node:crypto';
import type { ApolloServerOptions, BaseContext } from '@apollo/server';
import { Logger } from '@nestjs/common';
import { Prisma } from '../generated/prisma/client.js';
import { ApiError } from './errors.js';

type FormatError = NonNullable<ApolloServerOptions<BaseContext>['formatError']>;
type FormattedError = ReturnType<FormatError>;

/** What Apollo calls a request that it could not understand. */
const CLIENT_CODES = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
  'BAD_REQUEST',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'BAD_INPUT',
]);

const logger = new Logger('GraphQL');

/** Clients see our own errors as they are and nothing of others but a number, under which the log has them. */
export const formatError: FormatError = (formatted, thrown): FormattedError => {
  const error = originalOf(thrown);
  if (error instanceof ApiError) {
    const extensions: Record<string, unknown> = { ...error.extensions };
    // How the answer is sent is no part of it.
    delete extensions['http'];
    return withCode(formatted, error.message, extensions);
  }
  const code = formatted.extensions?.['code'];
  if (typeof code === 'string' && CLIENT_CODES.has(code)) {
    return withCode(formatted, formatted.message, { code: 'BAD_INPUT' });
  }
  if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') {
    return withCode(formatted, 'Something with these values exists already: choose others.', {
      code: 'CONFLICT',
    });
  }
  if (isOutage(error)) {
    logger.warn(`the database is away: ${error.message}`);
    return withCode(formatted, 'The database does not answer: try again in a moment.', {
      code: 'UNAVAILABLE',
    });
  }
  const incident = randomUUID();
  logger.error({ incident, path: formatted.path, error });
  return withCode(formatted, `Something went wrong here; the controller's log has it as ${incident}.`, {
    code: 'INTERNAL',
    incident,
  });
};

/**
 * Prisma's codes for a server that is not there, ended the connection, or kept a transaction waiting; PostgreSQL's for one
 * that starts or stops.
 */
const OUTAGE = /^(P1001|P1002|P1008|P1017|P2024|P2028)$/;
const STARTING_OR_STOPPING = /\b57P0[123]\b/;

const isOutage = (error: unknown): error is Error =>
  error instanceof Prisma.PrismaClientKnownRequestError &&
  (OUTAGE.test(error.code) || STARTING_OR_STOPPING.test(error.message));

const originalOf = (thrown: unknown): unknown => {
  const original = (thrown as { originalError?: unknown } | undefined)?.originalError;
  return original === undefined ? thrown : originalOf(original);
};

const withCode = (
  { path, locations }: FormattedError,
  message: string,
  extensions: Record<string, unknown>,
): FormattedError => ({
  message,
  ...(locations === undefined ? {} : { locations }),
  ...(path === undefined ? {} : { path }),
  extensions,
});
