import { randomBytes } from 'node:crypto';
import { cipherSuiteSchema, desiredStateSchema, profileSchema, type DesiredState } from '@longhaul/contracts';
import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/prisma.js';
import { classWeightsOf } from '../links/class-weights.js';
import { OUTBOX_TOPICS } from '../outbox/topics.js';
import { compileFleet } from './compile.js';
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
import { assertFits } from './state-limits.js';
import { Topology } from './topology.js';

interface NewState {
  readonly agentId: string;
  readonly epoch: number;
  readonly generation: number;
  readonly policyRevision: number | null;
  readonly contentSha256: string;
  /** JSON */
  readonly document: string;
}

/**
 * States are stored in parts of about so many characters: those of thousands of agents together would be much memory. Small
 * enough for a socket to take at once.
 */
const PART_LENGTH = 500_000;

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
   *
   * @throws ApiError BAD_INPUT for what would be more than an agent accepts: the transaction must not be committed
   */
  async recompile(tx: Transaction, organizationId: string): Promise<string[]> {
    await this.lock(tx, organizationId);
    const fleet = await loadFleet(tx, organizationId);
    const revisions = revisionsBySite(fleet);
    const order = await orderOfStates(tx, organizationId);
    const changedIds: string[] = [];
    let storing = Promise.resolve();
    for (const states of parts(changedStates(order, revisions, fleet))) {
      // The database stores one part while the next is compiled.
      await storing;
      storing = storeStates(tx, organizationId, states);
      // Looked at above or below; until then it is nobody's.
      storing.catch(() => undefined);
      await sent();
      for (const { agentId } of states) changedIds.push(agentId);
    }
    await storing;
    await noteRevisions(tx, fleet, revisions);
    return changedIds;
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

/** Resolves when what was asked of the database is on its way there. */
const sent = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

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

/** The organization's epoch, and the states that its agents were given last. */
interface OrderOfStates {
  readonly epoch: number;
  readonly previous: ReadonlyMap<
    string,
    { readonly epoch: number; readonly generation: number; readonly contentSha256: string }
  >;
}

const orderOfStates = async (tx: Transaction, organizationId: string): Promise<OrderOfStates> => {
  const { desiredStateEpoch: epoch } = await tx.organization.findUniqueOrThrow({
    where: { id: organizationId },
  });
  const stored = await tx.agentDesiredState.findMany({
    where: { organizationId },
    select: { agentId: true, epoch: true, generation: true, contentSha256: true },
  });
  return { epoch, previous: new Map(stored.map((state) => [state.agentId, state])) };
};

function* changedStates(
  { epoch, previous }: OrderOfStates,
  revisions: ReadonlyMap<string, number | null>,
  fleet: Fleet,
): Iterable<NewState> {
  for (const [agentId, content] of compileFleet(fleet)) {
    assertFits(fleet, content);
    const before = previous.get(agentId);
    const contentSha256 = canonicalSha256(content);
    if (before?.contentSha256 === contentSha256 && before.epoch === epoch) continue;
    const generation = (before?.generation ?? 0) + 1;
    const policyRevision = revisions.get(content.siteId) ?? null;
    // What is stored is what an agent accepts, or nothing is stored.
    const state = desiredStateSchema.parse({ ...content, epoch, generation, policyRevision });
    yield { agentId, epoch, generation, policyRevision, contentSha256, document: JSON.stringify(state) };
  }
}

/** In their order, each part up to {@link PART_LENGTH} and one document. */
function* parts(states: Iterable<NewState>): Iterable<readonly NewState[]> {
  let part: NewState[] = [];
  let length = 0;
  for (const state of states) {
    part.push(state);
    length += state.document.length;
    if (length < PART_LENGTH) continue;
    yield part;
    [part, length] = [[], 0];
  }
  if (part.length > 0) yield part;
}

/** In two statements, however many states there are. */
const storeStates = async (
  tx: Transaction,
  organizationId: string,
  states: readonly NewState[],
): Promise<void> => {
  const agentIds = states.map(({ agentId }) => agentId);
  const generations = states.map(({ generation }) => generation);
  await tx.$executeRaw`
    INSERT INTO agent_desired_states
      (organization_id, agent_id, epoch, generation, revision, document, content_sha256, compiled_at)
    SELECT ${organizationId}::uuid, agent_id, epoch, generation, revision, document::jsonb, content_sha256, now()
    FROM unnest(${agentIds}::uuid[], ${states.map(({ epoch }) => epoch)}::int[], ${generations}::int[],
      ${states.map(({ policyRevision }) => policyRevision)}::int[], ${states.map(({ document }) => document)}::text[],
      ${states.map(({ contentSha256 }) => contentSha256)}::text[])
      AS compiled(agent_id, epoch, generation, revision, document, content_sha256)
    ON CONFLICT (organization_id, agent_id) DO UPDATE SET
      epoch = excluded.epoch, generation = excluded.generation, revision = excluded.revision,
      document = excluded.document, content_sha256 = excluded.content_sha256, compiled_at = excluded.compiled_at`;
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
