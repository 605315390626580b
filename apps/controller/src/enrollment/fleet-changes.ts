import type { Transaction } from '../database/prisma.js';

/** Injects the {@link FleetChanges}. */
export const FLEET_CHANGES = Symbol('fleet changes');

/** Told, within the transaction, that an organization's agents changed in a way that others have to know of. */
export interface FleetChanges {
  /** @throws AgentApiError `BAD_REQUEST` when the fleet cannot be as it would be */
  agentsChanged(tx: Transaction, organizationId: string): Promise<void>;
}
