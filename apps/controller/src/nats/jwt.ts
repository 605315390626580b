import { createRequire } from 'node:module';
import type * as natsJwt from '@nats-io/jwt';

// The package is CommonJS and validates little; nothing outside of this file uses it.
const jwt = createRequire(import.meta.url)('@nats-io/jwt') as typeof natsJwt;

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

export type KeyKind = 'operator' | 'account' | 'user';

/** A fresh nkey seed. */
export const createSeed = (kind: KeyKind): string => {
  const pair = { operator: jwt.createOperator, account: jwt.createAccount, user: jwt.createUser }[kind]();
  return new TextDecoder().decode(pair.getSeed());
};

export const publicKeyOf = (seed: string): string => keyPair(seed).getPublicKey();

const keyPair = (seed: string): natsJwt.KeyPair => jwt.fromSeed(new TextEncoder().encode(seed.trim()));

export const encodeOperator = (seed: string, systemAccount: string): Promise<string> =>
  jwt.encodeOperator('longhaul', keyPair(seed), { system_account: systemAccount });

/** The account that server events and claim updates belong to; it has no JetStream. */
export const encodeSystemAccount = (accountKey: string, operatorSeed: string): Promise<string> =>
  jwt.encodeAccount('SYS', accountKey, { limits: accountLimits(0) }, { signer: keyPair(operatorSeed) });

/**
 * The account of agents and controller.
 *
 * @param revocations user public key -> Unix seconds: credentials issued up to then are void, live connections end
 */
export const encodeAgentsAccount = (
  account: { readonly key: string; readonly signingKey: string; readonly limits: AccountLimits },
  revocations: Readonly<Record<string, number>>,
  operatorSeed: string,
): Promise<string> =>
  jwt.encodeAccount(
    'AGENTS',
    account.key,
    {
      limits: accountLimits(account.limits.diskBytes),
      signing_keys: [account.signingKey],
      revocations: { ...revocations },
      default_permissions: { pub: { deny: ['>'] }, sub: { deny: ['>'] } },
    },
    { signer: keyPair(operatorSeed) },
  );

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

const signUser = (grant: UserGrant, user: Partial<natsJwt.User>): Promise<string> =>
  jwt.encodeUser(grant.name, grant.userKey, grant.accountKey, user, {
    signer: keyPair(grant.signingSeed),
    nbf: Math.floor(Date.now() / 1000) - CLOCK_SKEW_S,
    ...(grant.expiresAt === undefined ? {} : { exp: grant.expiresAt }),
  });

/** The claims of a JWT whose signature is good. @throws Error if it is not */
export const decodeAccount = (token: string): natsJwt.ClaimsData<natsJwt.Account> =>
  jwt.decode<natsJwt.Account>(token);
export const decodeUser = (token: string): natsJwt.ClaimsData<natsJwt.User> =>
  jwt.decode<natsJwt.User>(token);

/** Whether `signature` over `message` is by the holder of the nkey; false for anything malformed. */
export const verifySignature = (userKey: string, message: string, signature: Uint8Array): boolean => {
  try {
    return jwt.fromPublic(userKey).verify(new TextEncoder().encode(message), signature);
  } catch {
    return false;
  }
};
