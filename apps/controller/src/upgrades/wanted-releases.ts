import type { AgentRelease } from '@longhaul/contracts';
import type { Transaction } from '../database/prisma.js';
import type { AgentRelease as ReleaseRow, Upgrade as UpgradeRow } from '../generated/prisma/client.js';
import { isReached, rolloutStagesSchema, type RolloutPosition } from '../policy/rollout-stages.js';
import type { ScopedSite } from '../policy/scoped-policy.js';

/** An upgrade as it is stored. */
export type StoredUpgrade = Omit<UpgradeRow, 'stages'> & RolloutPosition;

export const toUpgrade = (row: UpgradeRow): StoredUpgrade => ({
  ...row,
  stages: rolloutStagesSchema.parse(row.stages),
});

/** The upgrade of the organization that is not at its end. */
export const activeUpgrade = async (
  tx: Transaction,
  organizationId: string,
): Promise<StoredUpgrade | undefined> => {
  const row = await tx.upgrade.findFirst({
    where: { organizationId, state: { in: ['RUNNING', 'HALTED'] } },
  });
  return row === null ? undefined : toUpgrade(row);
};

/** A site and the version that it wants by itself. */
export interface WantingSite extends ScopedSite {
  readonly agentVersion: string | null;
}

/** What sites want where they do not say. */
export interface WantedByAll {
  readonly agentVersion: string | null;
  readonly upgrade: StoredUpgrade | undefined;
}

/** The version that a site's agents are to run; null: the one that they run. What a site wants by itself goes before an upgrade. */
export const wantedVersion = (site: WantingSite, { agentVersion, upgrade }: WantedByAll): string | null =>
  site.agentVersion ?? (upgrade !== undefined && isReached(upgrade, site) ? upgrade.version : agentVersion);

/** The releases that the agents of each site are to run; sites whose agents keep what they run have none. */
export const wantedReleases = async (
  tx: Transaction,
  organizationId: string,
  sites: readonly WantingSite[],
): Promise<Map<string, AgentRelease>> => {
  const { agentVersion } = await tx.organization.findUniqueOrThrow({ where: { id: organizationId } });
  const upgrade = await activeUpgrade(tx, organizationId);
  const rows = await tx.agentRelease.findMany({ where: { organizationId } });
  const releases = new Map(rows.map((row) => [row.version, toRelease(row)]));
  return new Map(
    sites.flatMap((site) => {
      const release = releases.get(wantedVersion(site, { agentVersion, upgrade }) ?? '');
      return release === undefined ? [] : [[site.id, release] as const];
    }),
  );
};

const toRelease = (row: ReleaseRow): AgentRelease => ({
  version: row.version,
  sha256: row.sha256,
  bytes: row.bytes,
  ...(row.signature === null ? {} : { signature: row.signature }),
  attempt: row.attempt,
  confirmSeconds: row.confirmSeconds,
  soakSeconds: row.soakSeconds,
  drainSeconds: row.drainSeconds,
});
