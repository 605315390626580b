import type { ApiError } from '@longhaul/contracts';

export type AgentApiErrorCode = ApiError['code'];

const STATUS: Readonly<Record<AgentApiErrorCode, number>> = {
  TOKEN_MALFORMED: 400,
  TOKEN_UNKNOWN: 401,
  TOKEN_EXPIRED: 403,
  TOKEN_REVOKED: 403,
  TOKEN_USED_UP: 403,
  CHALLENGE_INVALID: 401,
  SIGNATURE_INVALID: 401,
  KEY_IN_USE: 409,
  RELEASE_UNKNOWN: 404,
  AGENT_UNKNOWN: 404,
  AGENT_REVOKED: 403,
  BAD_REQUEST: 400,
  RATE_LIMITED: 429,
  INTERNAL: 500,
};

/** A refusal of the agent API: a code for the agent, a sentence for its operator. */
export class AgentApiError extends Error {
  override readonly name = 'AgentApiError';

  constructor(
    readonly code: AgentApiErrorCode,
    message: string,
    readonly status = STATUS[code],
  ) {
    super(message);
  }

  toJSON(): ApiError {
    return { code: this.code, message: this.message };
  }
}
