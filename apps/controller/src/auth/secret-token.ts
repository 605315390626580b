import { createHash, randomBytes, randomInt } from 'node:crypto';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 12;
const SECRET_BYTES = 32;

/** A token that is shown once, and what is stored of it. */
export interface SecretToken {
  /** `<prefix>_<12 base62>_<43 base64url>` */
  readonly token: string;
  readonly publicId: string;
  readonly secretSha256: Buffer<ArrayBuffer>;
}

/** The id finds the row; the 256-bit secret needs no slow hash. */
export const createSecretToken = (prefix: 'lh_api' | 'lh_enr'): SecretToken => {
  const publicId = Array.from({ length: ID_LENGTH }, () => BASE62[randomInt(BASE62.length)]).join('');
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  return { token: `${prefix}_${publicId}_${secret}`, publicId, secretSha256: sha256(secret) };
};

/** Of a token's secret, to be stored and compared. */
export const sha256 = (text: string): Buffer<ArrayBuffer> =>
  Buffer.from(createHash('sha256').update(text).digest());
