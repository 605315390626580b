import { InvalidArgumentError, Option } from 'commander';
import { ApiClient } from '../api-client.js';
import { openSession } from '../session.js';

/** A client for who is signed in. @throws CliError when nobody is */
export async function signedIn(): Promise<ApiClient> {
  return new ApiClient(await openSession(process.env));
}

/** Gathers an option that may be given several times. */
export const collect = (value: string, before: string[] = []): string[] => [...before, value];

/** An option that is typed in lower case and that the API has in upper case. */
export const upperCaseChoice = (flags: string, description: string, choices: readonly string[]): Option =>
  new Option(flags, description).choices(choices).argParser((text) => {
    if (choices.includes(text)) return text.toUpperCase();
    throw new InvalidArgumentError(`It must be one of ${choices.join(', ')}.`);
  });
