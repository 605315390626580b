import { join } from 'node:path';
import { credentialSchema, portSchema } from '@longhaul/contracts';
import { z } from 'zod';
import { keepPrivate, makePrivateDirectory, readFileIfAny, writeDurably } from './durable-file.js';
import { ControlError } from './errors.js';

/** In the state directory. */
export const CREDENTIAL_FILE = 'credential.json';

const enrollmentSchema = z.object({
  format: z.literal(1),
  controllerUrl: z.string(),
  /** PEM of the CA that the controller's API is checked against; null: the system's CAs. */
  controllerCaPem: z.string().nullable(),
  credential: credentialSchema,
  /** UDP port that was told to the controller. */
  tunnelPort: portSchema,
  /** Unix milliseconds by this machine's clock. */
  obtainedAtMs: z.number(),
});

/** What enrolment left on disk, renewed with every credential. */
export type StoredEnrollment = z.infer<typeof enrollmentSchema>;

/** Stores the credential, readable by its owner only. */
export async function saveEnrollment(stateDir: string, enrollment: StoredEnrollment): Promise<void> {
  await makePrivateDirectory(stateDir);
  await writeDurably(join(stateDir, CREDENTIAL_FILE), `${JSON.stringify(enrollment, null, 2)}\n`);
}

/**
 * The stored credential.
 * @throws ControlError when this agent is not enrolled, or the file is damaged.
 */
export async function loadEnrollment(stateDir: string): Promise<StoredEnrollment> {
  const path = join(stateDir, CREDENTIAL_FILE);
  const content = await readFileIfAny(path);
  if (content === undefined) {
    throw new ControlError(
      `this agent is not enrolled (no ${path}): run "longhaul agent enroll", or "agent run --config FILE" to do without a controller`,
    );
  }
  await keepPrivate(path);
  try {
    return enrollmentSchema.parse(JSON.parse(content));
  } catch {
    throw new ControlError(
      `${path} is damaged: enrol again; the keys beside it are kept, so the agent stays the same`,
    );
  }
}
