import { generateKeyPairSync } from 'node:crypto';

/** An X25519 key pair, 32 bytes each. */
export interface KeyPair {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

export function generateKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const raw = (value: string | undefined): Uint8Array => Buffer.from(value ?? '', 'base64url');
  return {
    privateKey: raw(privateKey.export({ format: 'jwk' }).d),
    publicKey: raw(publicKey.export({ format: 'jwk' }).x),
  };
}
