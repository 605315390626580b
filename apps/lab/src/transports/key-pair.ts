import { generateKeyPairSync } from 'node:crypto';

/** An X25519 pair, 32 bytes each in base64, as a static file has them. */
export interface KeyPair {
  privateKey: string;
  publicKey: string;
}

export function makeKeyPair(): KeyPair {
  const { privateKey } = generateKeyPairSync('x25519');
  const { d = '', x = '' } = privateKey.export({ format: 'jwk' });
  const base64 = (part: string): string => Buffer.from(part, 'base64url').toString('base64');
  return { privateKey: base64(d), publicKey: base64(x) };
}
