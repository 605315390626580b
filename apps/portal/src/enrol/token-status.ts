import type { EnrollmentToken } from '../api/schema.js';

export type TokenStatus = 'usable' | 'revoked' | 'used up' | 'expired';

/** What a token is worth at a moment; an expiry shows when it comes, not when the list is read again. */
export function tokenStatus(
  token: Pick<EnrollmentToken, 'revokedAt' | 'expiresAt' | 'uses' | 'maxUses'>,
  nowMs: number,
): TokenStatus {
  if (token.revokedAt !== null) return 'revoked';
  if (token.uses >= token.maxUses) return 'used up';
  return Date.parse(token.expiresAt) <= nowMs ? 'expired' : 'usable';
}

export const isUsable = (token: Parameters<typeof tokenStatus>[0], nowMs: number): boolean =>
  tokenStatus(token, nowMs) === 'usable';
