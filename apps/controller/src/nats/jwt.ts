import { createRequire } from 'node:module';
import type * as natsJwt from '@nats-io/jwt';
import { publicKeyOf, SigningKey } from '@longhaul/contracts/nkey';

// The package is CommonJS and validates little; nothing outside of this file uses it.
const jwt = createRequire(import.meta.url)('@nats-io/jwt') as typeof natsJwt;

/** Signs claims in the form that every supported nats-server reads. */
const sign = (
  claims: { readonly name: string; readonly sub: string; readonly exp?: number; readonly nbf?: number },
  type: 'operator' | 'account' | 'user',
  content: object,
  signingSeed: string,
): Promise<string> => {
  const key = new SigningKey(signingSeed);
  const signer = {
    getPublicKey: () => key.publicKey,
    sign: (input: Uint8Array) => key.sign(input),
  } as natsJwt.KeyPair;
  const whole = { aud: 'NATS', ...claims, nats: { ...content, type, version: 2 } };
  return jwt.encode(jwt.Algorithms.v2, whole as unknown as natsJwt.ClaimsData<unknown>, signer);
};

/** Seconds; the account's claims may be issued by a clock that is a little ahead of the server's. */
const CLOCK_SKEW_S = 60;

/** Limits of the account that agents and controller share. */
export interface AccountLimits {
  /** Bytes on disk for JetStream. */
  readonly diskBytes: number;
}

/** What a user may do, as allow lists of subjects; whatever is not allowed is denied. */
export interface UserPermissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /** Largest message in bytes. */
  readonly maxPayloadBytes: number;
  readonly maxSubscriptions: number;
}

export const encodeOperator = (seed: string, systemAccount: string): Promise<string> =>
  sign({ name: 'longhaul', sub: publicKeyOf(seed) }, 'operator', { system_account: systemAccount }, seed);

/** The account that server events and claim updates belong to; it has no JetStream. */
export const encodeSystemAccount = (accountKey: string, operatorSeed: string): Promise<string> =>
  sign({ name: 'SYS', sub: accountKey }, 'account', { limits: accountLimits(0) }, operatorSeed);

/**
 * The account of agents and controller.
 *
 * @param revocations user public key -> Unix seconds: credentials issued up to then are void, live connections end
 */
export const encodeAgentsAccount = (
  account: { readonly key: string; readonly signingKey: string; readonly limits: AccountLimits },
  revocations: Readonly<Record<string, number>>,
  operatorSeed: string,
): Promise<string> => {
  const content: Partial<natsJwt.Account> = {
    limits: accountLimits(account.limits.diskBytes),
    signing_keys: [account.signingKey],
    revocations: { ...revocations },
    default_permissions: { pub: { deny: ['>'] }, sub: { deny: ['>'] } },
  };
  return sign({ name: 'AGENTS', sub: account.key }, 'account', content, operatorSeed);
};

const accountLimits = (diskBytes: number): natsJwt.OperatorLimits => ({
  subs: -1,
  data: -1,
  payload: -1,
  imports: -1,
  exports: -1,
  conn: -1,
  leaf: 0,
  wildcards: true,
  disallow_bearer: true,
  mem_storage: 0,
  disk_storage: diskBytes,
  streams: diskBytes > 0 ? 16 : 0,
  consumer: diskBytes > 0 ? 64 : 0,
});

/** Whose JWT, signed by what, valid until when. */
export interface UserGrant {
  readonly name: string;
  readonly userKey: string;
  readonly accountKey: string;
  readonly signingSeed: string;
  /** Unix seconds; undefined: never. */
  readonly expiresAt?: number;
}

/** A user JWT with exactly the given permissions. */
export const encodeUser = (grant: UserGrant, permissions: UserPermissions): Promise<string> =>
  signUser(grant, {
    pub: { allow: [...permissions.publish] },
    sub: { allow: [...permissions.subscribe] },
    payload: permissions.maxPayloadBytes,
    subs: permissions.maxSubscriptions,
    data: -1,
    bearer_token: false,
    allowed_connection_types: ['STANDARD'],
  });

/** A user JWT for the controller itself: the whole account. */
export const encodeTrustedUser = (grant: UserGrant): Promise<string> =>
  signUser(grant, { pub: { allow: ['>'] }, sub: { allow: ['>'] }, bearer_token: false });

const signUser = (grant: UserGrant, user: Partial<natsJwt.User>): Promise<string> => {
  const { name, userKey, accountKey, signingSeed, expiresAt } = grant;
  const claims = {
    name,
    sub: userKey,
    nbf: Math.floor(Date.now() / 1000) - CLOCK_SKEW_S,
    ...(expiresAt === undefined ? {} : { exp: expiresAt }),
  };
  const content = { subs: -1, data: -1, payload: -1, ...user, issuer_account: accountKey };
  return sign(claims, 'user', content, signingSeed);
};

const claimsOf = <T>(token: string): natsJwt.ClaimsData<T> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as natsJwt.ClaimsData<T>;

/** What a JWT says; the signature is not looked at. @throws Error if it is no JWT */
export const readAccountClaims = (token: string): natsJwt.ClaimsData<natsJwt.Account> => claimsOf(token);
export const readUserClaims = (token: string): natsJwt.ClaimsData<natsJwt.User> => claimsOf(token);
