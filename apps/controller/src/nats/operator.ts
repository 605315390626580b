import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readOrCreate, writeWhole } from '../bootstrap/files.js';
import { encodeAgentsAccount, encodeOperator, encodeSystemAccount, type AccountLimits } from './jwt.js';
import { createSeed, publicKeyOf } from '@longhaul/contracts/nkey';

/** Of the agents' account; the streams' own limits are lower. */
const LIMITS: AccountLimits = { diskBytes: 32 * 1024 ** 3 };

const SEEDS = {
  operator: 'operator.seed',
  systemAccount: 'system-account.seed',
  agentsAccount: 'agents-account.seed',
  agentsSigning: 'agents-signing.seed',
} as const;

/** The NATS identities of one installation. Seeds are secrets. */
export interface NatsOperator {
  readonly operatorSeed: string;
  readonly operatorJwtFile: string;
  readonly systemAccount: { readonly key: string; readonly seed: string; readonly jwt: string };
  readonly agentsAccount: {
    readonly key: string;
    /** Signs user JWTs. */
    readonly signingSeed: string;
    readonly signingKey: string;
    readonly limits: AccountLimits;
    /** Without revocations: what a new nats-server begins with. */
    readonly jwt: string;
  };
}

/** Loads the identities below `folder`; those that are missing are made. */
export const openNatsOperator = async (folder: string): Promise<NatsOperator> => {
  const seed = (name: keyof typeof SEEDS): string =>
    readOrCreate(join(folder, SEEDS[name]), 0o600, () =>
      createSeed(name === 'operator' ? 'operator' : 'account'),
    ).trim();
  const operatorSeed = seed('operator');
  const systemSeed = seed('systemAccount');
  const systemKey = publicKeyOf(systemSeed);
  const signingSeed = seed('agentsSigning');
  const agents = {
    key: publicKeyOf(seed('agentsAccount')),
    signingKey: publicKeyOf(signingSeed),
    limits: LIMITS,
  };
  const operatorJwtFile = join(folder, 'operator.jwt');
  await makeOnce(operatorJwtFile, () => encodeOperator(operatorSeed, systemKey));
  return {
    operatorSeed,
    operatorJwtFile,
    systemAccount: {
      key: systemKey,
      seed: systemSeed,
      jwt: await makeOnce(join(folder, 'system-account.jwt'), () =>
        encodeSystemAccount(systemKey, operatorSeed),
      ),
    },
    agentsAccount: {
      ...agents,
      signingSeed,
      jwt: await makeOnce(join(folder, 'agents-account.jwt'), () =>
        encodeAgentsAccount(agents, {}, operatorSeed),
      ),
    },
  };
};

const makeOnce = async (path: string, make: () => Promise<string>): Promise<string> => {
  if (!existsSync(path)) writeWhole(path, await make(), 0o600);
  return readFileSync(path, 'utf8');
};
