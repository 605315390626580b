import { CliError, ExitCode } from './errors.js';

/** Shortest beginning of an id that stands for it. */
const MIN_PREFIX = 6;

/**
 * The one thing that `wanted` means: its id, its name, or the beginning of its id.
 * @throws CliError when there is none, or more than one.
 */
export function findOne<T extends { readonly id: string }>(
  what: string,
  wanted: string,
  things: readonly T[],
  nameOf: (thing: T) => string,
): T {
  const exact = things.find(({ id }) => id === wanted);
  if (exact !== undefined) return exact;
  const named = things.filter((thing) => nameOf(thing) === wanted);
  const found =
    named.length > 0 || wanted.length < MIN_PREFIX ? named : things.filter(({ id }) => id.startsWith(wanted));
  const [only, ...others] = found;
  if (only === undefined) {
    const known = things
      .map((thing) => nameOf(thing))
      .slice(0, 10)
      .join(', ');
    throw new CliError(
      `there is no ${what} "${wanted}"${known === '' ? '' : `; there are: ${known}`}`,
      ExitCode.notFound,
    );
  }
  if (others.length > 0) {
    throw new CliError(`"${wanted}" means several: name the id (${found.map(({ id }) => id).join(', ')})`);
  }
  return only;
}
