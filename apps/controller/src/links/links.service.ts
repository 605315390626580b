import { cipherSuiteSchema, classWeightsSchema, profileSchema } from '@longhaul/contracts';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { audit } from '../audit/audit.js';
import { badInput, notFound } from '../graphql/errors.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput, requireId } from '../graphql/validation.js';
import { DesiredStateCompiler } from '../policy/desired-state-compiler.js';
import { TelemetryQueries } from '../telemetry/telemetry-queries.js';
import { classWeightsOf, weightColumns, type WeightColumns } from './class-weights.js';
import type { LinkPoint } from './link-point.model.js';
import type { Link, LinkInput } from './link.model.js';

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

/** Raw samples are kept for three days. */
const seriesSchema = z.object({
  minutes: z
    .int()
    .min(1)
    .max(3 * 24 * 60),
});

interface LinkRow extends WeightColumns {
  readonly profile: string;
  readonly cipherSuite: string;
}

@Injectable()
export class LinksService {
  private readonly telemetry = new TelemetryQueries();

  constructor(private readonly compiler: DesiredStateCompiler) {}

  async list(context: RequestContext): Promise<Link[]> {
    const { organizationId } = context;
    const rows = await context.read((tx) =>
      tx.link.findMany({ where: { organizationId }, orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] }),
    );
    return rows.map(toLink);
  }

  /** @throws ApiError NOT_FOUND if there is no such link, or the agent is at neither of its sites */
  async series(
    context: RequestContext,
    query: { linkId: string; agentId: string; minutes: number },
  ): Promise<LinkPoint[]> {
    const linkId = requireId('link', query.linkId);
    const agentId = requireId('agent', query.agentId);
    const { minutes } = parseInput(seriesSchema, { minutes: query.minutes });
    const { organizationId } = context;
    return context.read(async (tx) => {
      const link = await tx.link.findUnique({ where: { organizationId_id: { organizationId, id: linkId } } });
      if (link === null) throw notFound('link', linkId);
      const siteIds = [link.siteAId, link.siteBId];
      const agents = await tx.agent.findMany({ where: { organizationId, siteId: { in: siteIds } } });
      const agent = agents.find(({ id }) => id === agentId);
      if (agent === undefined) throw notFound('agent of this link', agentId);
      const peerAgentIds = agents.filter(({ siteId }) => siteId !== agent.siteId).map(({ id }) => id);
      return this.telemetry.linkSeries(tx, { organizationId, agentId, peerAgentIds, minutes });
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

const toLink = <Row extends LinkRow>(row: Row) => ({
  ...row,
  profile: profileSchema.parse(row.profile),
  cipherSuite: cipherSuiteSchema.parse(row.cipherSuite),
  classWeights: classWeightsOf(row),
});
