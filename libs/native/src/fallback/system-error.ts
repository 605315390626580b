import { getSystemErrorMap } from 'node:util';

/** An Error with a `code`, as failures of the system carry. */
export function systemError(code: string, what: string): Error {
  return Object.assign(new Error(`${what}: ${code}`), { code });
}

/** @param errno negative, as Node.js has it inside */
export function errorOfNumber(errno: number, what: string): Error {
  const [code, text] = getSystemErrorMap().get(errno) ?? ['EIO', `error ${errno}`];
  return Object.assign(new Error(`${what}: ${text}`), { code });
}

export function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : 'EIO';
}

/** @param what begins a sentence, as 'a mark on packets' */
export function notSupported(what: string): Error {
  return systemError('ENOTSUP', `${what} needs the native addon, and this process runs without it`);
}
