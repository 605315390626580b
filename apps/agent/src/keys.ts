import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';

/** DER around a raw X25519 private key (RFC 8410). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** An X25519 pair, 32 bytes each in base64. */
export interface EncodedKeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

export function generateKeyPair(): EncodedKeyPair {
  const der = generateKeyPairSync('x25519').privateKey.export({ format: 'der', type: 'pkcs8' });
  const privateKey = der.subarray(PKCS8_HEAD.length).toString('base64');
  return { privateKey, publicKey: publicKeyOf(privateKey) };
}

/** The public half of a raw private key; both 32 bytes in base64. */
export function publicKeyOf(privateKey: string): string {
  const der = Buffer.concat([PKCS8_HEAD, Buffer.from(privateKey, 'base64')]);
  const key = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');
}
