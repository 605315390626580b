import { ApiClient } from '../api-client.js';
import { openSession } from '../session.js';

/** A client for who is signed in. @throws CliError when nobody is */
export async function signedIn(): Promise<ApiClient> {
  return new ApiClient(await openSession(process.env));
}

/** Gathers an option that may be given several times. */
export const collect = (value: string, before: string[] = []): string[] => [...before, value];
