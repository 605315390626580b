import { randomBytes, randomUUID } from 'node:crypto';
import { ensureDefaultRules } from '../alerts/default-rules.js';
import type { Settings } from '../config/settings.js';
import type { TenantDatabase } from '../database/tenant-database.js';
import type { WorkerDatabase } from '../database/worker-database.js';
import { hashPassword } from './password.js';

/** Any constant: replicas that start at once make one organization. */
const ADVISORY_LOCK = 4_812_090;

/** The first owner's way in. */
export interface FirstOwner {
  readonly email: string;
  /** Only if the settings did not give one: it has to be shown, now. */
  readonly generatedPassword: string | undefined;
}

/**
 * Makes the first organization and its owner, if there is no organization at all.
 *
 * @returns undefined when there was one already
 */
export const ensureFirstOwner = async (
  worker: WorkerDatabase,
  tenants: TenantDatabase,
  { organizationName, adminEmail: email, adminPassword }: Settings,
): Promise<FirstOwner | undefined> => {
  const generatedPassword = adminPassword === undefined ? randomBytes(15).toString('base64url') : undefined;
  const passwordHash = await hashPassword(adminPassword ?? generatedPassword ?? '');
  return worker.transaction(async (lock) => {
    await lock.$executeRaw`SELECT pg_advisory_xact_lock(${ADVISORY_LOCK})`;
    if ((await lock.organization.count()) > 0) return undefined;
    const organizationId = randomUUID();
    await tenants.transaction(organizationId, async (tx) => {
      await tx.organization.create({ data: { id: organizationId, name: organizationName } });
      const user = await tx.user.create({ data: { organizationId, email, passwordHash } });
      await tx.membership.create({
        data: { organizationId, userOrganizationId: organizationId, userId: user.id, role: 'OWNER' },
      });
      await ensureDefaultRules(tx, organizationId);
    });
    await lock.$executeRaw`UPDATE organizations SET is_provider = true WHERE id = ${organizationId}::uuid`;
    return { email, generatedPassword };
  });
};
