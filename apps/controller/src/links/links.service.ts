import { cipherSuiteSchema, classWeightsSchema, idSchema, profileSchema } from '@longhaul/contracts';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { audit } from '../audit/audit.js';
import type { Link as LinkStored, Prisma } from '../generated/prisma/client.js';
import { badInput, notFound } from '../graphql/errors.js';
import { ascending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import { readCountedPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput, requireId } from '../graphql/validation.js';
import { DesiredStateCompiler } from '../policy/desired-state-compiler.js';
import { TelemetryQueries } from '../telemetry/telemetry-queries.js';
import { weightColumns } from './class-weights.js';
import type { LinkPoint } from './link-point.model.js';
import { findEnd, toLink } from './link-rows.js';
import type { Link, LinkConnection, LinkFilter, LinkInput } from './link.model.js';

const rate = z.number().positive('must be more than 0').max(100_000).nullish();

const linkSchema = z.object({
  profile: profileSchema.nullish(),
  cipherSuite: cipherSuiteSchema.nullish(),
  rateMbpsAToB: rate,
  rateMbpsBToA: rate,
  maxUdpPayload: z.int().min(1200).max(16_384).nullish(),
  classWeights: z
    .object({
      interactive: classWeightsSchema.shape.interactive.nullish(),
      bulk: classWeightsSchema.shape.bulk.nullish(),
      scavenger: classWeightsSchema.shape.scavenger.nullish(),
    })
    .nullish(),
});

const filterSchema = z.object({ siteId: idSchema.nullish(), profile: profileSchema.nullish() });

const OLDEST_FIRST = new Keyset('links', [ascending('createdAt', 'time'), ascending('id', 'id')]);

type LinksQuery = PageQuery<Prisma.LinkWhereInput, Prisma.LinkOrderByWithRelationInput>;

/** Raw samples are kept for three days. */
const seriesSchema = z.object({
  minutes: z
    .int()
    .min(1)
    .max(3 * 24 * 60),
});

@Injectable()
export class LinksService {
  private readonly telemetry = new TelemetryQueries();

  constructor(private readonly compiler: DesiredStateCompiler) {}

  async list(
    context: RequestContext,
    page: PageArgs,
    filter: LinkFilter | null | undefined,
  ): Promise<LinkConnection> {
    const { organizationId } = context;
    const { siteId, profile } = parseInput(filterSchema, filter ?? {});
    return readCountedPage(OLDEST_FIRST, page, {
      where: {
        organizationId,
        ...(siteId ? { OR: [{ siteAId: siteId }, { siteBId: siteId }] } : {}),
        ...(profile ? { profile } : {}),
      },
      find: (query: LinksQuery) => context.read((tx) => tx.link.findMany(query)),
      count: (query) => context.read((tx) => tx.link.count(query)),
      toNode: toLink<LinkStored>,
    });
  }

  /** @throws ApiError NOT_FOUND if there is no such link, or the agent is at neither of its sites */
  async series(
    context: RequestContext,
    query: { linkId: string; agentId: string; minutes: number },
  ): Promise<LinkPoint[]> {
    const linkId = requireId('link', query.linkId);
    const { minutes } = parseInput(seriesSchema, { minutes: query.minutes });
    const { organizationId } = context;
    return context.read(async (tx) => {
      const link = await tx.link.findUnique({ where: { organizationId_id: { organizationId, id: linkId } } });
      if (link === null) throw notFound('link', linkId);
      const end = await findEnd(tx, link, query.agentId);
      return this.telemetry.linkSeries(tx, { organizationId, ...end, minutes });
    });
  }

  async update(context: RequestContext, idGiven: string, input: LinkInput): Promise<Link> {
    const id = requireId('link', idGiven);
    const change = parseInput(linkSchema, input);
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      await this.compiler.lock(tx, organizationId);
      const where = { organizationId_id: { organizationId, id } };
      const before = await tx.link.findUnique({ where });
      if (before === null) throw notFound('link', id);
      const wanted = {
        profile: change.profile ?? before.profile,
        cipherSuite: change.cipherSuite ?? before.cipherSuite,
        rateMbpsAToB: change.rateMbpsAToB === undefined ? before.rateMbpsAToB : change.rateMbpsAToB,
        rateMbpsBToA: change.rateMbpsBToA === undefined ? before.rateMbpsBToA : change.rateMbpsBToA,
        maxUdpPayload: change.maxUdpPayload ?? before.maxUdpPayload,
        ...weightColumns(before, change.classWeights ?? {}),
      };
      assertRates(wanted);
      const after = await tx.link.update({ where, data: wanted });
      await audit(tx, organizationId, principal, { action: 'link.update', targetId: id, before, after });
      await this.compiler.recompile(tx, organizationId);
      return toLink(after);
    });
  }
}

const assertRates = (link: {
  profile: string;
  rateMbpsAToB: number | null;
  rateMbpsBToA: number | null;
}): void => {
  if (link.profile !== 'fixed') return;
  const problems = (['rateMbpsAToB', 'rateMbpsBToA'] as const)
    .filter((key) => link[key] === null)
    .map((path) => ({ path, message: 'is required by the profile FIXED' }));
  if (problems.length > 0) throw badInput(problems);
};
