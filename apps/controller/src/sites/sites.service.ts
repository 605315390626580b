import { Inject, Injectable } from '@nestjs/common';
import { idSchema } from '@longhaul/contracts';
import { z } from 'zod';
import { ONLINE_AGENTS, type OnlineAgents } from '../agents/online.js';
import { audit } from '../audit/audit.js';
import type { Transaction } from '../database/prisma.js';
import type { Prisma } from '../generated/prisma/client.js';
import { ApiError, badInput, notFound } from '../graphql/errors.js';
import { ascending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import { readCountedPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { nameSchema, parseInput, requireId } from '../graphql/validation.js';
import { REVOCATION_LIFE_S } from '../nats/revocations.js';
import { DesiredStateCompiler } from '../policy/desired-state-compiler.js';
import { policiesInForce } from '../policy/policies-in-force.js';
import { labelSchema, prefixTextSchema, type PolicyDocument } from '../policy/policy-document.js';
import { Prefix } from '../policy/prefix.js';
import { siteFilterSchema, sitesThat } from './site-filter.js';
import type { Site, SiteConnection, SiteFilter, SiteInput } from './site.model.js';

/** A spoke needs one or two; more is a mesh. */
const MAX_HUBS = 16;

const bandwidth = z.number().positive('must be more than 0').max(100_000).nullish();

const siteSchema = z.object({
  name: nameSchema,
  location: z.string().trim().max(200).nullish(),
  labels: z
    .array(labelSchema)
    .max(50)
    .transform((labels) => [...new Set(labels)])
    .nullish(),
  lanPrefixes: z.array(prefixTextSchema).max(64).nullish(),
  bandwidthUpMbps: bandwidth,
  bandwidthDownMbps: bandwidth,
  hubSiteIds: z
    .array(idSchema.toLowerCase())
    .max(MAX_HUBS, `must be at most ${String(MAX_HUBS)}`)
    .transform((ids) => [...new Set(ids)])
    .nullish(),
});

/** Lists cannot be null in the database: cleared means empty. */
const toRow = (input: z.output<typeof siteSchema>) => ({
  name: input.name,
  ...(input.location === undefined ? {} : { location: input.location }),
  ...(input.labels === undefined ? {} : { labels: input.labels ?? [] }),
  ...(input.lanPrefixes === undefined ? {} : { lanPrefixes: input.lanPrefixes ?? [] }),
  ...(input.bandwidthUpMbps === undefined ? {} : { bandwidthUpMbps: input.bandwidthUpMbps }),
  ...(input.bandwidthDownMbps === undefined ? {} : { bandwidthDownMbps: input.bandwidthDownMbps }),
  ...(input.hubSiteIds === undefined ? {} : { hubSiteIds: input.hubSiteIds ?? [] }),
});

const BY_NAME = new Keyset('sites', [ascending('name', 'text'), ascending('id', 'id')]);

type SitesQuery = PageQuery<Prisma.SiteWhereInput, Prisma.SiteOrderByWithRelationInput>;

@Injectable()
export class SitesService {
  constructor(
    private readonly compiler: DesiredStateCompiler,
    @Inject(ONLINE_AGENTS) private readonly presence: OnlineAgents,
  ) {}

  async list(
    context: RequestContext,
    page: PageArgs,
    filter: SiteFilter | null | undefined,
  ): Promise<SiteConnection> {
    const { organizationId } = context;
    const wanted = parseInput(siteFilterSchema, filter ?? {});
    return readCountedPage(BY_NAME, page, {
      where: await context.read((tx) => sitesThat(tx, organizationId, wanted, this.presence)),
      find: (query: SitesQuery) => context.read((tx) => tx.site.findMany(query)),
      count: (query) => context.read((tx) => tx.site.count(query)),
      toNode: (site): Site => site,
    });
  }

  async create(context: RequestContext, input: SiteInput): Promise<Site> {
    const row = toRow(parseInput(siteSchema, input));
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      await this.compiler.lock(tx, organizationId);
      await assertDistinct(tx, organizationId, row, undefined);
      await assertHubs(tx, organizationId, row, undefined);
      const site = await tx.site.create({ data: { labels: [], lanPrefixes: [], ...row, organizationId } });
      await audit(tx, organizationId, principal, { action: 'site.create', targetId: site.id, after: site });
      await this.compiler.recompile(tx, organizationId);
      return site;
    });
  }

  async update(context: RequestContext, idGiven: string, input: SiteInput): Promise<Site> {
    const id = requireId('site', idGiven);
    const row = toRow(parseInput(siteSchema, input));
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      await this.compiler.lock(tx, organizationId);
      const where = { organizationId_id: { organizationId, id } };
      const before = await tx.site.findUnique({ where });
      if (before === null) throw notFound('site', id);
      await assertDistinct(tx, organizationId, { ...before, ...row }, id);
      await assertHubs(tx, organizationId, row, id);
      const after = await tx.site.update({ where, data: row });
      await audit(tx, organizationId, principal, { action: 'site.update', targetId: id, before, after });
      await this.compiler.recompile(tx, organizationId);
      return after;
    });
  }

  /** Only of a site that nothing needs; what its revoked agents left behind goes with it. */
  async delete(context: RequestContext, idGiven: string): Promise<boolean> {
    const id = requireId('site', idGiven);
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      await this.compiler.lock(tx, organizationId);
      const where = { organizationId_id: { organizationId, id } };
      const before = await tx.site.findUnique({ where });
      if (before === null) throw notFound('site', id);
      await assertUnused(tx, organizationId, id);
      await tx.agent.deleteMany({ where: { organizationId, siteId: id } });
      await tx.site.delete({ where });
      await audit(tx, organizationId, principal, { action: 'site.delete', targetId: id, before });
      await this.compiler.recompile(tx, organizationId);
      return true;
    });
  }
}

/** Names are unique; an address belongs to one site, or nobody could say which agent to send its traffic to. */
const assertDistinct = async (
  tx: Transaction,
  organizationId: string,
  { name, lanPrefixes = [] }: { name: string; lanPrefixes?: string[] },
  ownId: string | undefined,
): Promise<void> => {
  const others = (await tx.site.findMany({ where: { organizationId } })).filter(({ id }) => id !== ownId);
  if (others.some((site) => site.name === name)) {
    throw new ApiError('CONFLICT', `There is a site "${name}" already: choose another name.`);
  }
  const wanted = lanPrefixes.map((text) => Prefix.parse(text));
  const problems = others.flatMap((site) =>
    site.lanPrefixes
      .map((text) => Prefix.parse(text))
      .flatMap((taken) =>
        wanted
          .filter((prefix) => prefix.overlaps(taken))
          .map((prefix) => ({
            path: 'lanPrefixes',
            message: `${String(prefix)} overlaps ${String(taken)} of the site "${site.name}": give each address to one site`,
          })),
      ),
  );
  if (problems.length > 0) throw badInput(problems);
};

/** Hubs are other sites of the organization. */
const assertHubs = async (
  tx: Transaction,
  organizationId: string,
  { hubSiteIds = [] }: { hubSiteIds?: string[] },
  ownId: string | undefined,
): Promise<void> => {
  if (hubSiteIds.length === 0) return;
  const found = await tx.site.findMany({
    where: { organizationId, id: { in: hubSiteIds } },
    select: { id: true },
  });
  const known = new Set(found.map(({ id }) => id));
  const problems = hubSiteIds.flatMap((id, index) => {
    const path = `hubSiteIds[${String(index)}]`;
    if (id === ownId) return [{ path, message: 'is the site itself: a site cannot be its own hub' }];
    return known.has(id)
      ? []
      : [{ path, code: 'UNKNOWN_SITE', message: `is no site: ${id}; "sites" lists what there is` }];
  });
  if (problems.length > 0) throw badInput(problems);
};

const assertUnused = async (tx: Transaction, organizationId: string, id: string): Promise<void> => {
  const agents = await tx.agent.count({ where: { organizationId, siteId: id, state: { not: 'REVOKED' } } });
  if (agents > 0) {
    throw new ApiError('CONFLICT', `The site has ${String(agents)} agents: revoke them first.`);
  }
  // A revoked credential is kept out by the agent's row, for as long as it would be good otherwise.
  const lately = new Date(Date.now() - REVOCATION_LIFE_S * 1000);
  const revoked = await tx.agent.count({ where: { organizationId, siteId: id, revokedAt: { gt: lately } } });
  if (revoked > 0) {
    throw new ApiError('CONFLICT', 'Agents of the site were revoked today: delete it when a day has passed.');
  }
  const spoke = await tx.site.findFirst({ where: { organizationId, hubSiteIds: { has: id } } });
  if (spoke !== null) {
    throw new ApiError(
      'CONFLICT',
      `The site is a hub of the site "${spoke.name}": give that another one first.`,
    );
  }
  const policies = await policiesInForce(tx, organizationId);
  const own = policies.find(({ scope, target }) => scope === 'SITE' && target === id);
  if (own !== undefined && own.document.rules.length + own.document.forwards.length > 0) {
    throw new ApiError('CONFLICT', 'The site has a policy of its own: save it without rules first.');
  }
  const line = policies.flatMap(({ document }) => document).flatMap(linesThatName(id))[0];
  if (line === undefined) return;
  throw new ApiError('CONFLICT', `The policy's ${line} names the site: change it first.`);
};

const linesThatName =
  (id: string) =>
  ({ rules, forwards }: PolicyDocument): string[] => [
    ...rules
      .filter(({ source, destination }) => source.siteIds.includes(id) || destination.siteIds.includes(id))
      .map(({ name }) => `rule "${name}"`),
    ...forwards
      .filter(({ siteId, destinationSiteId }) => siteId === id || destinationSiteId === id)
      .map(({ name }) => `forward "${name}"`),
  ];
