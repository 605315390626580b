import type { NatsConnection } from '@nats-io/transport-node';
import { readAccountClaims, encodeAgentsAccount } from './jwt.js';
import { CREDENTIAL_LIFE_S } from './agent-credentials.js';
import type { NatsOperator } from './operator.js';

const REQUEST_TIMEOUT_MS = 5_000;
/** Clocks of controller and database may differ by this much; no revoked agent gets another credential anyway. */
const CLOCK_SKEW_S = 300;

/** Credentials older than this have expired, and their revocations may go. */
export const REVOCATION_LIFE_S = CREDENTIAL_LIFE_S + 2 * CLOCK_SKEW_S;

/** A revoked agent's key, and since when. */
export interface Revocation {
  readonly natsPublicKey: string;
  readonly revokedAt: Date;
}

interface ClaimsAnswer {
  readonly data?: { readonly code?: number; readonly message?: string };
  readonly error?: { readonly code?: number; readonly description?: string };
}

/**
 * Tells the server which credentials are void, all of them at once; it ends their live connections. The caller makes sure
 * that two lists are not published in the wrong order.
 *
 * @param system connection to the system account
 */
export const publishRevocations = async (
  system: NatsConnection,
  operator: NatsOperator,
  list: readonly Revocation[],
): Promise<void> => {
  const revocations = Object.fromEntries(
    list.map(({ natsPublicKey, revokedAt }) => [
      natsPublicKey,
      Math.ceil(revokedAt.getTime() / 1000) + CLOCK_SKEW_S,
    ]),
  );
  const { agentsAccount, operatorSeed } = operator;
  if (sameRevocations(await currentRevocations(system, agentsAccount.key), revocations)) return;
  const jwt = await encodeAgentsAccount(agentsAccount, revocations, operatorSeed);
  const reply = await system.request('$SYS.REQ.CLAIMS.UPDATE', jwt, { timeout: REQUEST_TIMEOUT_MS });
  const answer = reply.json<ClaimsAnswer>();
  if (answer.error || answer.data?.code !== 200) {
    throw new Error(`nats-server refused the account's claims: ${reply.string()}`);
  }
};

const currentRevocations = async (
  system: NatsConnection,
  accountKey: string,
): Promise<Readonly<Record<string, number>> | undefined> => {
  const reply = await system.request(`$SYS.REQ.ACCOUNT.${accountKey}.CLAIMS.LOOKUP`, undefined, {
    timeout: REQUEST_TIMEOUT_MS,
  });
  try {
    return readAccountClaims(reply.string()).nats.revocations ?? {};
  } catch {
    return undefined;
  }
};

const sameRevocations = (
  a: Readonly<Record<string, number>> | undefined,
  b: Readonly<Record<string, number>>,
): boolean =>
  a !== undefined &&
  Object.keys(a).length === Object.keys(b).length &&
  Object.entries(b).every(([key, at]) => a[key] === at);
