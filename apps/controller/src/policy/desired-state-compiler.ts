import { randomBytes } from 'node:crypto';
import { cipherSuiteSchema, desiredStateSchema, profileSchema, type DesiredState } from '@longhaul/contracts';
import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/prisma.js';
import { classWeightsOf } from '../links/class-weights.js';
import { OUTBOX_TOPICS } from '../outbox/topics.js';
import { compileFleet, type DesiredContent } from './compile.js';
import {
  orderedPair,
  pairKey,
  policiesAt,
  type Fleet,
  type FleetAgent,
  type FleetLink,
  type FleetSite,
} from './fleet.js';
import { policiesInForce } from './policies-in-force.js';
import { canonicalSha256 } from './policy-document.js';
import { wantedReleases } from '../upgrades/wanted-releases.js';
import { candidateOf } from './rollout-store.js';
import { newestRevision } from './scoped-policy.js';
import { Topology } from './topology.js';

interface NewState {
  readonly agentId: string;
  readonly generation: number;
  readonly contentSha256: string;
  readonly document: DesiredState;
}

/**
 * Keeps every agent's desired state what policy, sites, links and agents make it. Whoever changes one of those calls
 * {@link recompile} in the same transaction.
 */
@Injectable()
export class DesiredStateCompiler {
  /**
   * Makes changes of one organization's fleet wait for each other, to the end of the transaction. To be called before
   * anything is read that a change is decided on.
   */
  async lock(tx: Transaction, organizationId: string): Promise<void> {
    await tx.$queryRaw`SELECT 1 FROM organizations WHERE id = ${organizationId}::uuid FOR NO KEY UPDATE`;
  }

  /** As {@link lock}, but does not wait. @returns whether it holds the lock */
  async tryLock(tx: Transaction, organizationId: string): Promise<boolean> {
    const rows = await tx.$queryRaw<unknown[]>`
      SELECT 1 FROM organizations WHERE id = ${organizationId}::uuid FOR NO KEY UPDATE SKIP LOCKED`;
    return rows.length > 0;
  }

  /**
   * Compiles the organization's fleet anew. Agents whose state changed, and only they, get a new generation and an outbox
   * row; their ids are returned. Makes the links and pre-shared keys that are missing.
   */
  async recompile(tx: Transaction, organizationId: string): Promise<string[]> {
    await this.lock(tx, organizationId);
    const fleet = await loadFleet(tx, organizationId);
    const revisions = revisionsBySite(fleet);
    const changed = await changedStates(tx, organizationId, revisions, compileFleet(fleet));
    await storeStates(tx, organizationId, changed);
    await noteRevisions(tx, fleet, revisions);
    return changed.map(({ agentId }) => agentId);
  }

  /** Gives agents a new generation at the next {@link recompile}, also if nothing changes for them: they try it again. */
  async retry(tx: Transaction, organizationId: string, agentIds: readonly string[]): Promise<void> {
    await tx.agentDesiredState.updateMany({
      where: { organizationId, agentId: { in: [...agentIds] } },
      data: { contentSha256: '' },
    });
  }

  /** The state that an agent has to be in, or undefined if it has none: it is not approved. */
  async compile(tx: Transaction, organizationId: string, agentId: string): Promise<DesiredState | undefined> {
    const stored = await tx.agentDesiredState.findUnique({
      where: { organizationId_agentId: { organizationId, agentId } },
    });
    return stored === null ? undefined : desiredStateSchema.parse(stored.document);
  }
}

/** The newest revision that counts at each site; null before the first. */
const revisionsBySite = (fleet: Fleet): Map<string, number | null> =>
  new Map(fleet.sites.map(({ id }) => [id, newestRevision(policiesAt(fleet, id))]));

const loadFleet = async (tx: Transaction, organizationId: string): Promise<Fleet> => {
  const sites = await tx.site.findMany({ where: { organizationId }, orderBy: { id: 'asc' } });
  const agents = await tx.agent.findMany({
    where: { organizationId, state: 'APPROVED' },
    orderBy: [{ enrolledAt: 'asc' }, { id: 'asc' }],
  });
  const pairs = linkedAgents(sites, agents);
  return {
    organizationId,
    sites,
    agents,
    policies: await policiesInForce(tx, organizationId),
    candidate: await candidateOf(tx, organizationId, sites),
    releases: await wantedReleases(tx, organizationId, sites),
    links: await ensureLinks(tx, organizationId, pairs),
    presharedKeys: await ensurePresharedKeys(tx, organizationId, pairs),
  };
};

/** Every two linked sites with approved agents have a link. */
const ensureLinks = async (
  tx: Transaction,
  organizationId: string,
  pairs: readonly LinkedAgents[],
): Promise<FleetLink[]> => {
  const where = { organizationId };
  let links = await tx.link.findMany({ where });
  const known = new Set(links.map(({ siteAId, siteBId }) => pairKey(siteAId, siteBId)));
  const missing = pairs
    .map(({ siteIds }) => siteIds)
    .filter(([a, b]) => !known.has(pairKey(a, b)))
    .map(([a, b]) => orderedPair(a, b));
  if (missing.length > 0) {
    await tx.$executeRaw`
      INSERT INTO links (organization_id, site_a_id, site_b_id)
      SELECT ${organizationId}::uuid, a, b
      FROM unnest(${missing.map(([a]) => a)}::uuid[], ${missing.map(([, b]) => b)}::uuid[]) AS missing(a, b)`;
    links = await tx.link.findMany({ where });
  }
  return links.map((link) => ({
    ...link,
    profile: profileSchema.parse(link.profile),
    cipherSuite: cipherSuiteSchema.parse(link.cipherSuite),
    classWeights: classWeightsOf(link),
  }));
};

/** Every two approved agents of linked sites have a key. */
const ensurePresharedKeys = async (
  tx: Transaction,
  organizationId: string,
  pairs: readonly LinkedAgents[],
): Promise<Map<string, string>> => {
  const keys = await tx.peerKey.findMany({ where: { organizationId } });
  const known = new Map(keys.map((key) => [pairKey(key.agentAId, key.agentBId), key.presharedKey]));
  const missing = pairs
    .flatMap(({ agentIds: [near, far] }) => near.flatMap((a) => far.map((b) => orderedPair(a, b))))
    .filter(([a, b]) => !known.has(pairKey(a, b)))
    .map(([a, b]) => ({ a, b, key: randomBytes(32).toString('base64') }));
  if (missing.length > 0) {
    await tx.$executeRaw`
      INSERT INTO peer_keys (organization_id, agent_a_id, agent_b_id, preshared_key)
      SELECT ${organizationId}::uuid, a, b, key
      FROM unnest(${missing.map(({ a }) => a)}::uuid[], ${missing.map(({ b }) => b)}::uuid[],
        ${missing.map(({ key }) => key)}::text[]) AS missing(a, b, key)`;
  }
  for (const { a, b, key } of missing) known.set(pairKey(a, b), key);
  return known;
};

/** Two linked sites, both with approved agents. */
interface LinkedAgents {
  readonly siteIds: readonly [string, string];
  /** Of each of them. */
  readonly agentIds: readonly [readonly string[], readonly string[]];
}

const linkedAgents = (sites: readonly FleetSite[], agents: readonly FleetAgent[]): LinkedAgents[] => {
  const agentIds = new Map<string, string[]>();
  for (const { id, siteId } of agents) agentIds.set(siteId, [...(agentIds.get(siteId) ?? []), id]);
  return [...new Topology(sites).pairs()].flatMap(([{ id: a }, { id: b }]) => {
    const [near, far] = [agentIds.get(a), agentIds.get(b)];
    return near === undefined || far === undefined ? [] : [{ siteIds: [a, b], agentIds: [near, far] }];
  });
};

const changedStates = async (
  tx: Transaction,
  organizationId: string,
  revisions: ReadonlyMap<string, number | null>,
  contents: ReadonlyMap<string, DesiredContent>,
): Promise<NewState[]> => {
  const { desiredStateEpoch: epoch } = await tx.organization.findUniqueOrThrow({
    where: { id: organizationId },
  });
  const stored = await tx.agentDesiredState.findMany({ where: { organizationId }, omit: { document: true } });
  const previous = new Map(stored.map((state) => [state.agentId, state]));
  const changed: NewState[] = [];
  for (const [agentId, content] of contents) {
    const before = previous.get(agentId);
    const contentSha256 = canonicalSha256(content);
    if (before?.contentSha256 === contentSha256 && before.epoch === epoch) continue;
    const generation = (before?.generation ?? 0) + 1;
    const policyRevision = revisions.get(content.siteId) ?? null;
    // What is stored is what an agent accepts, or nothing is stored.
    const document = desiredStateSchema.parse({ ...content, epoch, generation, policyRevision });
    changed.push({ agentId, generation, contentSha256, document });
  }
  return changed;
};

/** In two statements, however many agents there are. */
const storeStates = async (
  tx: Transaction,
  organizationId: string,
  states: readonly NewState[],
): Promise<void> => {
  if (states.length === 0) return;
  const agentIds = states.map(({ agentId }) => agentId);
  const documents = states.map(({ document }) => JSON.stringify(document));
  const hashes = states.map(({ contentSha256 }) => contentSha256);
  await tx.$executeRaw`
    INSERT INTO agent_desired_states
      (organization_id, agent_id, epoch, generation, revision, document, content_sha256, compiled_at)
    SELECT ${organizationId}::uuid, agent_id, (document->>'epoch')::int, (document->>'generation')::int,
      (document->>'policyRevision')::int, document, content_sha256, now()
    FROM (
      SELECT unnest(${agentIds}::text[])::uuid AS agent_id, unnest(${documents}::text[])::jsonb AS document,
        unnest(${hashes}::text[]) AS content_sha256
    ) AS compiled
    ON CONFLICT (organization_id, agent_id) DO UPDATE SET
      epoch = excluded.epoch, generation = excluded.generation, revision = excluded.revision,
      document = excluded.document, content_sha256 = excluded.content_sha256, compiled_at = excluded.compiled_at`;
  const generations = states.map(({ generation }) => generation);
  await tx.$executeRaw`
    INSERT INTO outbox (organization_id, topic, subject_id, payload)
    SELECT ${organizationId}::uuid, ${OUTBOX_TOPICS.desiredState}, agent_id, jsonb_build_object('generation', generation)
    FROM unnest(${agentIds}::uuid[], ${generations}::int[]) AS compiled(agent_id, generation)`;
};

/** Agents that a new revision leaves as they are conform to it already. */
const noteRevisions = async (
  tx: Transaction,
  { organizationId, agents }: Fleet,
  revisions: ReadonlyMap<string, number | null>,
): Promise<void> => {
  for (const revision of new Set(revisions.values())) {
    const agentIds = agents.filter(({ siteId }) => revisions.get(siteId) === revision).map(({ id }) => id);
    await tx.$executeRaw`
      UPDATE agent_desired_states SET revision = ${revision}::int
      WHERE organization_id = ${organizationId}::uuid AND agent_id = ANY(${agentIds}::uuid[])
        AND revision IS DISTINCT FROM ${revision}::int`;
  }
};
