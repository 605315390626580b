import { join } from 'node:path';
import { key32Schema } from '@longhaul/contracts';
import { createSeed, publicKeyOf as natsPublicKey, SigningKey } from '@longhaul/contracts/nkey';
import type { Authenticator } from '@nats-io/transport-node';
import { generateKeyPair, publicKeyOf } from '../keys.js';
import { keepPrivate, makePrivateDirectory, readFileIfAny, writeDurably } from './durable-file.js';
import { ControlError } from './errors.js';

/** Who this agent is. Made by the agent itself; the private halves never leave the state directory. */
export interface AgentIdentity {
  /** nkey user seed (`SU…`), as bytes, for NATS and for the controller's challenges. */
  readonly natsSeed: Uint8Array;
  /** `U…` */
  readonly natsPublicKey: string;
  /** X25519, 32 bytes in base64. */
  readonly tunnelPrivateKey: string;
  readonly tunnelPublicKey: string;
}

/** In the state directory. */
export const NATS_SEED_FILE = 'nats.seed';
export const TUNNEL_KEY_FILE = 'tunnel.key';

async function loadOrMake(path: string, make: () => string): Promise<string> {
  const existing = await readFileIfAny(path);
  if (existing !== undefined) {
    await keepPrivate(path);
    return existing.trim();
  }
  const made = make();
  await writeDurably(path, `${made}\n`);
  return made;
}

function natsPublicKeyOf(seed: string, path: string): string {
  try {
    const publicKey = natsPublicKey(seed);
    if (publicKey.startsWith('U')) return publicKey;
  } catch {
    // Said below.
  }
  throw new ControlError(
    `${path} does not hold an nkey user seed: restore it, or enrol with an empty directory`,
  );
}

/** Reads the keys of a state directory, and makes those that are missing. Existing keys are never replaced. */
export async function loadIdentity(stateDir: string): Promise<AgentIdentity> {
  await makePrivateDirectory(stateDir);
  const seedPath = join(stateDir, NATS_SEED_FILE);
  const tunnelPath = join(stateDir, TUNNEL_KEY_FILE);
  const seed = await loadOrMake(seedPath, () => createSeed('user'));
  const tunnelPrivateKey = await loadOrMake(tunnelPath, () => generateKeyPair().privateKey);
  if (!key32Schema.safeParse(tunnelPrivateKey).success) {
    throw new ControlError(
      `${tunnelPath} does not hold a key of 32 bytes in base64: restore it, or enrol with an empty directory`,
    );
  }
  return {
    natsSeed: Buffer.from(seed),
    natsPublicKey: natsPublicKeyOf(seed, seedPath),
    tunnelPrivateKey,
    tunnelPublicKey: publicKeyOf(tunnelPrivateKey),
  };
}

/** Signs with the nkey; base64. */
export const signWithNkey = (identity: AgentIdentity, text: string): string =>
  Buffer.from(new SigningKey(Buffer.from(identity.natsSeed).toString()).sign(Buffer.from(text))).toString(
    'base64',
  );

/** Proves the identity to nats-server: the credential, and the server's nonce signed with the nkey. */
export const natsAuthenticator =
  (identity: AgentIdentity, jwt: string): Authenticator =>
  (nonce = '') => ({ jwt, nkey: identity.natsPublicKey, sig: signWithNkey(identity, nonce) });
