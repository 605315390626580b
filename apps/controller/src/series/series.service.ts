import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import type { Transaction } from '../database/prisma.js';
import { badInput, notFound } from '../graphql/errors.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput, requireId } from '../graphql/validation.js';
import { findEnd } from '../links/link-rows.js';
import { mergeOverTime, toFigures } from '../telemetry/series-figures.js';
import {
  SeriesQueries,
  type LinkRanking,
  type RankedLinkRow,
  type SeriesSubject,
} from '../telemetry/series-queries.js';
import { chooseResolution, decompose, roundOut, type Range } from '../telemetry/series-range.js';
import type { TelemetrySeries } from './series.model.js';

/** 30 days by the hour are 720. */
export const DEFAULT_POINTS = 750;
const MAX_POINTS = 1500;
const MAX_RANKED = 100;

export interface SubjectInput {
  readonly siteId?: string | null | undefined;
  readonly agentId?: string | null | undefined;
  readonly linkId?: string | null | undefined;
}

export interface RangeInput {
  readonly from: Date;
  readonly to?: Date | null | undefined;
}

const pointsSchema = z.object({ maxPoints: z.int().min(1).max(MAX_POINTS) });
const firstSchema = z.object({ first: z.int().min(1).max(MAX_RANKED) });

/** Answers with rollups, for ranges of any length. */
@Injectable()
export class SeriesService {
  private readonly queries = new SeriesQueries();

  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  /** @throws ApiError BAD_INPUT for a range that is none or too long; NOT_FOUND for a subject of nobody's here */
  async series(
    context: Pick<RequestContext, 'organizationId' | 'read'>,
    query: SubjectInput & RangeInput & { readonly maxPoints?: number | null | undefined },
  ): Promise<TelemetrySeries> {
    const { maxPoints } = parseInput(pointsSchema, { maxPoints: query.maxPoints ?? DEFAULT_POINTS });
    const range = parseRange(query);
    const { retention } = this.settings;
    const resolution = chooseResolution(range, { maxPoints, retention, nowMs: Date.now() });
    if (resolution === undefined) throw tooLong(maxPoints);
    const piece = roundOut(range, resolution);
    const { organizationId } = context;
    const rows = await context.read(async (tx) =>
      this.queries.series(tx, organizationId, await findSubject(tx, organizationId, query), piece),
    );
    const total = mergeOverTime(rows);
    return {
      resolutionSeconds: resolution.seconds,
      from: new Date(piece.fromMs),
      to: new Date(piece.toMs),
      points: rows.map((row) => ({ at: row.at, ...toFigures(row) })),
      total: total === undefined ? null : toFigures(total),
    };
  }

  /** @throws ApiError BAD_INPUT */
  async worstLinks(
    context: RequestContext,
    query: RangeInput & { readonly first: number; readonly by: LinkRanking },
  ): Promise<RankedLinkRow[]> {
    const { first } = parseInput(firstSchema, { first: query.first });
    const pieces = decompose(parseRange(query), Date.now());
    const { organizationId } = context;
    return context.read((tx) => this.queries.worstLinks(tx, organizationId, { pieces, by: query.by, first }));
  }
}

const parseRange = ({ from, to }: RangeInput): Range => {
  const range = { fromMs: from.getTime(), toMs: (to ?? new Date()).getTime() };
  if (range.fromMs < range.toMs) return range;
  throw badInput([{ path: 'from', message: 'must be before "to" (now, unless given)' }]);
};

const tooLong = (maxPoints: number): Error =>
  badInput([
    {
      path: 'from',
      message: `is too long ago for ${String(maxPoints)} points of a day each: give a later one, or up to ${String(MAX_POINTS)} as maxPoints`,
    },
  ]);

/** @throws ApiError NOT_FOUND if it is not the organization's; BAD_INPUT for a combination that means nothing */
const findSubject = async (
  tx: Transaction,
  organizationId: string,
  { siteId, agentId, linkId }: SubjectInput,
): Promise<SeriesSubject> => {
  if (siteId && (agentId || linkId)) {
    throw badInput([{ path: 'siteId', message: 'goes with neither agentId nor linkId' }]);
  }
  const where = (id: string) => ({ where: { organizationId_id: { organizationId, id } } });
  if (siteId) {
    const site = await tx.site.findUnique(where(requireId('site', siteId)));
    if (site === null) throw notFound('site', siteId);
    return { level: 'site', id: site.id };
  }
  if (linkId) {
    const link = await tx.link.findUnique(where(requireId('link', linkId)));
    if (link === null) throw notFound('link', linkId);
    return agentId ? { level: 'end', ...(await findEnd(tx, link, agentId)) } : { level: 'link', id: link.id };
  }
  if (!agentId) return { level: 'organization', id: organizationId };
  const agent = await tx.agent.findUnique(where(requireId('agent', agentId)));
  if (agent === null) throw notFound('agent', agentId);
  return { level: 'agent', id: agent.id };
};
