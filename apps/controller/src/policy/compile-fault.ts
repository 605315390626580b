import { z } from 'zod';
import { ApiError } from '../graphql/errors.js';

/**
 * Moves something on whose next step compiles desired states. Where these cannot be compiled the next attempt would end in the same
 * way: then it halts, and somebody sees why. Other errors go on to the caller.
 */
export const moveOrHalt = async (
  move: () => Promise<void>,
  halt: (reason: string) => Promise<void>,
): Promise<void> => {
  try {
    await move();
  } catch (error) {
    const reason = compileFault(error);
    if (reason === undefined) throw error;
    await halt(reason);
  }
};

const compileFault = (error: unknown): string | undefined => {
  if (error instanceof ApiError) return error.message;
  return error instanceof z.ZodError
    ? `its desired states cannot be compiled: ${z.prettifyError(error)}`
    : undefined;
};
