import { createHash, randomBytes, randomInt } from 'node:crypto';
import { enrollmentTokenSchema } from '@longhaul/contracts';
import { AgentApiError } from './agent-api-error.js';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const PUBLIC_ID_LENGTH = 12;
const SECRET_BYTES = 32;
const PREFIX = 'lh_enr_';

/** What is looked up: the row's public id, and the SHA-256 of the secret. */
export interface TokenClaim {
  readonly publicId: string;
  readonly secretSha256: Buffer;
}

/** A new token: shown once, and what is stored of it. */
export interface NewEnrollmentToken extends TokenClaim {
  readonly token: string;
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

export const createEnrollmentToken = (): NewEnrollmentToken => {
  const publicId = Array.from({ length: PUBLIC_ID_LENGTH }, () => BASE62[randomInt(BASE62.length)]).join('');
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  return { token: `${PREFIX}${publicId}_${secret}`, publicId, secretSha256: sha256(secret) };
};

/** @throws AgentApiError `TOKEN_MALFORMED` */
export const parseEnrollmentToken = (token: unknown): TokenClaim => {
  const parsed = enrollmentTokenSchema.safeParse(token);
  if (!parsed.success) {
    throw new AgentApiError(
      'TOKEN_MALFORMED',
      'That is not an enrolment token: copy the whole of lh_enr_… as it was shown.',
    );
  }
  const publicId = parsed.data.slice(PREFIX.length, PREFIX.length + PUBLIC_ID_LENGTH);
  const secret = parsed.data.slice(PREFIX.length + PUBLIC_ID_LENGTH + 1);
  return { publicId, secretSha256: sha256(secret) };
};
