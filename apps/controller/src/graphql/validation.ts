import { z } from 'zod';
import { badInput, notFound } from './errors.js';

/**
 * Checks an input as a whole, before anything is done with it.
 *
 * @throws ApiError BAD_INPUT that names every problem with its path
 */
export const parseInput = <Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> => {
  const parsed = schema.safeParse(plain(input));
  if (parsed.success) return parsed.data;
  throw badInput(
    parsed.error.issues.map((issue) => ({
      path: formatPath(issue.path),
      code: codeOf(issue),
      message: issue.message,
    })),
  );
};

/** Zod's own kinds in capitals; a check of ours says its kind as `params.code`. */
const codeOf = (issue: z.core.$ZodIssue): string => {
  if (issue.code !== 'custom') return issue.code.toUpperCase();
  return typeof issue.params?.['code'] === 'string' ? issue.params['code'] : 'INVALID';
};

/** GraphQL gives objects without a prototype, and null where an optional field was cleared. */
const plain = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
};

/** `rules[2].ports[0].from` */
export const formatPath = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, step) =>
      typeof step === 'number' ? `${text}[${String(step)}]` : `${text}${text && '.'}${String(step)}`,
    '',
  );

const uuid = z.uuid();

/** An id that cannot be one is of nothing: the database need not be asked. */
export const requireId = (what: string, id: string): string => {
  if (!uuid.safeParse(id).success) throw notFound(what, id);
  return id.toLowerCase();
};

/** A name that people gave. */
export const nameSchema = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(100, 'must have at most 100 characters');
