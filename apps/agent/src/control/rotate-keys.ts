import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../errors.js';
import { AgentApi } from './agent-api.js';
import { CREDENTIAL_FILE, loadEnrollment, saveEnrollment } from './credential-store.js';
import { loadIdentity, NATS_SEED_FILE, TUNNEL_KEY_FILE } from './identity.js';

/** Where keys wait that the controller knows of, until the agent takes them. */
const NEXT_DIR = 'next';

/** What a change of keys has come to. */
export interface KeyChange {
  readonly agentId: string;
  readonly tunnelPublicKey: string;
}

/**
 * Makes new keys of an enrolled agent and announces them. An agent that runs takes them within seconds, another one at its
 * next start; that ends the old ones, or four hours do. Doing it again announces the same keys.
 *
 * @throws ControlError
 */
export async function rotateKeys(stateDir: string): Promise<KeyChange> {
  const enrollment = await loadEnrollment(stateDir);
  const identity = await loadIdentity(stateDir);
  const nextDir = join(stateDir, NEXT_DIR);
  const next = await loadIdentity(nextDir);
  const api = new AgentApi(new URL(enrollment.controllerUrl), enrollment.controllerCaPem ?? undefined);
  const credential = await api.rotate(identity, next);
  // Obtained long ago: the first thing to do with it is to renew it, by which the controller sees that it is in use.
  await saveEnrollment(nextDir, { ...enrollment, credential, obtainedAtMs: 0 });
  return { agentId: credential.agentId, tunnelPublicKey: next.tunnelPublicKey };
}

/**
 * Puts announced keys in the place of the old ones, if there are any. The credential is last: whatever the moment of a
 * crash, the next start goes on from there. Two processes may do so at once.
 */
export async function adoptNextKeys(stateDir: string): Promise<void> {
  const nextDir = join(stateDir, NEXT_DIR);
  if (!existsSync(join(nextDir, CREDENTIAL_FILE))) return;
  for (const file of [NATS_SEED_FILE, TUNNEL_KEY_FILE, CREDENTIAL_FILE]) {
    await rename(join(nextDir, file), join(stateDir, file)).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
    });
  }
}
