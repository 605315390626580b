import { GraphQLError } from 'graphql';

/** `extensions.code` of every error that a client has to tell apart. */
export type ErrorCode =
  | 'BAD_INPUT'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'POLICY_TEST_FAILED'
  | 'RATE_LIMITED'
  | 'QUERY_TOO_COSTLY'
  | 'INTERNAL';

/** One thing that is wrong with an input. */
export interface InputProblem {
  /** Where, for instance `rules[2].ports[0].from`. */
  readonly path: string;
  /** What kind, for programs: `TOO_BIG`, `UNKNOWN_SITE`, …; `INVALID` unless given. */
  readonly code?: string;
  readonly message: string;
}

/** An error for the client to see; its message says what is wrong and what to do. */
export class ApiError extends GraphQLError {
  constructor(
    readonly code: ErrorCode,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message, { extensions: { ...details, code } });
  }
}

export const badInput = (problems: readonly InputProblem[]): ApiError =>
  new ApiError(
    'BAD_INPUT',
    problems.map(({ path, message }) => [path, message].join(' ').trim()).join('; '),
    { problems: problems.map((problem) => ({ code: 'INVALID', ...problem })) },
  );

/** @param what for instance "site" */
export const notFound = (what: string, id: string): ApiError =>
  new ApiError(
    'NOT_FOUND',
    `There is no ${what} ${id} in this organization: list them to see what there is.`,
  );
