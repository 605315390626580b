import { createHash, randomBytes } from 'node:crypto';
import { challengeMessage } from '@longhaul/contracts';
import type { WorkerDatabase } from '../database/worker-database.js';
import { verifySignature } from '@longhaul/contracts/nkey';
import { AgentApiError } from './agent-api-error.js';

const LIFE_MS = 60_000;
const CHALLENGE_BYTES = 32;
/** Expired ones are swept when about one in this many is made. */
const SWEEP_ONE_IN = 64;

export interface Challenge {
  readonly challenge: string;
  readonly expiresAt: Date;
}

/** The proof that a request carries. */
export interface Proof {
  readonly natsPublicKey: string;
  readonly challenge: string;
  /** base64 */
  readonly signature: string;
}

const hash = (challenge: string): Buffer => createHash('sha256').update(challenge).digest();

/** Challenges that an agent signs with its nkey. They are in the database: any replica may take what another gave. */
export class ChallengesService {
  constructor(private readonly database: WorkerDatabase) {}

  async create(natsPublicKey: string): Promise<Challenge> {
    const challenge = randomBytes(CHALLENGE_BYTES).toString('base64url');
    const expiresAt = new Date(Date.now() + LIFE_MS);
    const { prisma } = this.database;
    await prisma.$executeRaw`
      INSERT INTO challenges (challenge_sha256, nats_public_key, expires_at)
      VALUES (${hash(challenge)}, ${natsPublicKey}, ${expiresAt})`;
    if (Math.random() < 1 / SWEEP_ONE_IN)
      await prisma.$executeRaw`DELETE FROM challenges WHERE expires_at < now()`;
    return { challenge, expiresAt };
  }

  /** Takes the challenge of a key: it is good once. @throws AgentApiError `CHALLENGE_INVALID` */
  async take(natsPublicKey: string, challenge: string): Promise<void> {
    const taken = await this.database.prisma.$executeRaw`
      DELETE FROM challenges
      WHERE challenge_sha256 = ${hash(challenge)} AND nats_public_key = ${natsPublicKey}
        AND expires_at > ${new Date()}`;
    if (taken !== 1) {
      throw new AgentApiError(
        'CHALLENGE_INVALID',
        'The challenge is unknown, used, or older than 60 s: ask for a new one.',
      );
    }
  }

  /**
   * Takes the challenge, whatever comes of it, and checks the signature over it.
   *
   * @throws AgentApiError `CHALLENGE_INVALID`, `SIGNATURE_INVALID`
   */
  async verify(purpose: 'enroll' | 'renew' | 'release', proof: Proof): Promise<void> {
    await this.take(proof.natsPublicKey, proof.challenge);
    const message = challengeMessage(purpose, proof.challenge);
    if (!verifySignature(proof.natsPublicKey, message, Buffer.from(proof.signature, 'base64'))) {
      throw new AgentApiError('SIGNATURE_INVALID', 'The challenge was not signed by the key that it names.');
    }
  }
}
