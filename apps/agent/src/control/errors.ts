import type { ApiError } from '@longhaul/contracts';
import { AgentError } from '../errors.js';

/** What went wrong on the control side, in one line that says what to do. */
export class ControlError extends AgentError {
  override readonly name: string = 'ControlError';
}

/** The controller holds another CA than the one that was asked for. Nothing secret was sent. */
export class PinMismatchError extends ControlError {
  override readonly name = 'PinMismatchError';
}

/** The controller could not be reached or did not speak as a controller does. */
export class ControllerUnreachableError extends ControlError {
  override readonly name = 'ControllerUnreachableError';
}

/** A refusal by the controller's agent API. */
export class AgentApiError extends ControlError {
  override readonly name = 'AgentApiError';

  constructor(
    readonly code: ApiError['code'],
    detail: string,
  ) {
    super(ADVICE[code](detail));
  }
}

/** A desired state that this agent cannot be, and why. */
export class StateRefusedError extends ControlError {
  override readonly name = 'StateRefusedError';
}

/** Control characters would let a far server write into the terminal. */
const oneLine = (text: string): string =>
  text
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, 300);

const fixed = (text: string) => () => text;

const ADVICE: Record<ApiError['code'], (detail: string) => string> = {
  TOKEN_MALFORMED: fixed(
    'this is not an enrolment token: copy the whole of it, from "lh_enr_" to the last character',
  ),
  TOKEN_UNKNOWN: fixed('the controller does not know this enrolment token: check it, or make a new one'),
  TOKEN_EXPIRED: fixed('the enrolment token has expired: make a new one'),
  TOKEN_REVOKED: fixed('the enrolment token was revoked: make a new one'),
  TOKEN_USED_UP: fixed('the enrolment token has been used as often as it may be: make a new one'),
  CHALLENGE_INVALID: fixed(
    'the challenge was no longer valid (60 s, once): run the command again; check the clock',
  ),
  SIGNATURE_INVALID: fixed(
    'the controller could not verify the signature of this agent: its keys are damaged',
  ),
  KEY_IN_USE: fixed(
    'these keys belong to an agent of another organization or site: use an empty state directory (--state-dir)',
  ),
  RELEASE_UNKNOWN: fixed('the controller has no such release for this agent: add it again'),
  AGENT_UNKNOWN: fixed('the controller does not know this agent: enrol it again with a new token'),
  AGENT_REVOKED: fixed(
    'this agent was revoked: enrol it again with a new token and an empty state directory',
  ),
  BAD_REQUEST: (detail) => `the controller refused the request: ${oneLine(detail)}`,
  RATE_LIMITED: fixed('the controller has had too many attempts from here: wait a minute and try again'),
  INTERNAL: (detail) => `the controller failed: ${oneLine(detail)}: try again, and look at its log`,
};
