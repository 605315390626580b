import type { OnlineAgents } from '../agents/online.js';
import type { Transaction } from '../database/prisma.js';
import type { AlertKind, AlertSubjectKind } from '../generated/prisma/enums.js';
import { ABUSE_WINDOW_S, NO_ACCELERATION_WINDOW_S } from './alert-kinds.js';

/** Rollups of so many seconds before now are looked at: the last two minutes that are over and computed. */
const LINK_WINDOW_S = 180;
/** Of fewer packets, a share of losses says nothing. */
const MIN_PACKETS = 100;

/** What is asked: of which sites, and which values matter. */
export interface ObservationQuery {
  readonly organizationId: string;
  readonly siteId: string | null;
  readonly siteLabel: string | null;
  readonly threshold: number;
  /** Subjects that are given whatever their value is: those with an open alert. */
  readonly openIds: readonly string[];
  readonly now: Date;
  /** Undefined while nobody can say who is connected. */
  readonly presence: OnlineAgents | undefined;
}

/** What a rule looks at, as it is now. Null: nothing is known of it. */
export interface Observation {
  readonly subjectKind: AlertSubjectKind;
  readonly subjectId: string;
  readonly subjectName: string;
  readonly siteIds: readonly string[];
  readonly value: number | null;
}

/** All subjects of the query's sites that are at the threshold or above, and those with an open alert that are still there. */
export type Observe = (tx: Transaction, query: ObservationQuery) => Promise<Observation[]>;

/** Whether a site is one of the rule's: `$2` its id, `$3` its label. */
const inScope = (site: string): string =>
  `($2::uuid IS NULL OR ${site}.id = $2) AND ($3::text IS NULL OR $3 = ANY(${site}.labels))`;

const scopeOf = ({ organizationId, siteId, siteLabel }: ObservationQuery) =>
  [organizationId, siteId, siteLabel] as const;

const matters = ({
  threshold,
  openIds,
}: ObservationQuery): ((value: number | null, id: string) => boolean) => {
  const open = new Set(openIds);
  return (value, id) => (value !== null && value >= threshold) || open.has(id);
};

interface AgentRow {
  readonly id: string;
  readonly siteId: string;
  readonly name: string;
}

const toAgent = ({ id, siteId, name }: AgentRow, value: number | null): Observation => ({
  subjectKind: 'AGENT',
  subjectId: id,
  subjectName: name,
  siteIds: [siteId],
  value,
});

/** Every approved agent that was ever connected: 1 if it is not now. */
const agentDown: Observe = async (tx, query) => {
  const { organizationId, presence } = query;
  const agents = await tx.$queryRawUnsafe<(AgentRow & { seen: boolean })[]>(
    `SELECT a.id, a.site_id AS "siteId", a.hostname || ' at ' || s.name AS name, a.last_seen_at IS NOT NULL AS seen
     FROM agents a JOIN sites s ON s.organization_id = a.organization_id AND s.id = a.site_id
     WHERE a.organization_id = $1::uuid AND a.state = 'APPROVED' AND ${inScope('s')}`,
    ...scopeOf(query),
  );
  const isRelevant = matters(query);
  return agents.flatMap((agent) => {
    const known = presence !== undefined && agent.seen;
    const value = known ? Number(!presence.isOnline(organizationId, agent.id)) : null;
    return isRelevant(value, agent.id) ? [toAgent(agent, value)] : [];
  });
};

/** As `conforms` of agents/agent-status.ts says it, for the database. */
const CONFORMS = `x.outcome = 'APPLIED' AND x.epoch = d.epoch AND x.generation = d.generation`;

/** Approved agents with a desired state: 1 if it is not what they applied. Of one that is away, nothing is known. */
const drift: Observe = async (tx, query) => {
  const { organizationId, presence, openIds } = query;
  const agents = await tx.$queryRawUnsafe<(AgentRow & { drifts: boolean })[]>(
    `SELECT a.id, a.site_id AS "siteId", a.hostname || ' at ' || s.name AS name, (${CONFORMS}) IS NOT TRUE AS drifts
     FROM agents a
     JOIN sites s ON s.organization_id = a.organization_id AND s.id = a.site_id
     JOIN agent_desired_states d ON d.organization_id = a.organization_id AND d.agent_id = a.id
     LEFT JOIN agent_applied x ON x.organization_id = a.organization_id AND x.agent_id = a.id
     WHERE a.organization_id = $1::uuid AND a.state = 'APPROVED' AND ${inScope('s')}
       AND ((${CONFORMS}) IS NOT TRUE OR a.id = ANY($4::uuid[]))`,
    ...scopeOf(query),
    [...openIds],
  );
  const isRelevant = matters(query);
  return agents.flatMap((agent) => {
    const value = presence?.isOnline(organizationId, agent.id) === true ? Number(agent.drifts) : null;
    return isRelevant(value, agent.id) ? [toAgent(agent, value)] : [];
  });
};

/** Links by what both ends measured. `figure` is one of the rollups of a link. */
const linkFigure =
  (figure: string): Observe =>
  async (tx, query) => {
    const links = await tx.$queryRawUnsafe<
      { id: string; name: string; siteAId: string; siteBId: string; value: number | null }[]
    >(
      `WITH measured AS (
         SELECT subject_id, (${figure})::float8 AS value
         FROM telemetry.rollups_1m
         WHERE organization_id = $1::uuid AND level = 'link' AND at >= $6::timestamptz - make_interval(secs => $7) AND at <= $6
         GROUP BY subject_id
       )
       SELECT k.id, a.name || ' – ' || b.name AS name, a.id AS "siteAId", b.id AS "siteBId", m.value
       FROM links k
       JOIN sites a ON a.organization_id = k.organization_id AND a.id = k.site_a_id
       JOIN sites b ON b.organization_id = k.organization_id AND b.id = k.site_b_id
       LEFT JOIN measured m ON m.subject_id = k.id
       WHERE k.organization_id = $1::uuid AND ((${inScope('a')}) OR (${inScope('b')}))
         AND (m.value >= $4 OR k.id = ANY($5::uuid[]))`,
      ...scopeOf(query),
      query.threshold,
      [...query.openIds],
      query.now,
      LINK_WINDOW_S,
    );
    return links.map(({ id, name, siteAId, siteBId, value }) => ({
      subjectKind: 'LINK',
      subjectId: id,
      subjectName: name,
      siteIds: [siteAId, siteBId],
      value,
    }));
  };

/** A rule of an agent's desired state that has connections accelerated; forwards always do. */
const SHALL_ACCELERATE = `(c.rule_id LIKE 'forward %' OR EXISTS (
    SELECT 1 FROM jsonb_array_elements(d.document -> 'rules') AS r
    WHERE r ->> 'id' = c.rule_id AND r ->> 'action' = 'accelerate'))`;

/**
 * Agents by the connections that began there lately, that a rule has accelerated, and that went straight to their
 * destination or were refused because there was no tunnel. What one that is away has not told of may be many more: of it, only
 * that the threshold was reached is known.
 */
const noAcceleration: Observe = async (tx, query) => {
  const agents = await tx.$queryRawUnsafe<(AgentRow & { value: number })[]>(
    `WITH counted AS (
       SELECT agent_id, rule_id, count(*) AS connections
       FROM telemetry.flows
       WHERE organization_id = $1::uuid AND handling <> 'accelerated' AND rule_id IS NOT NULL
         AND started_at > $6::timestamptz - make_interval(secs => $7) AND started_at <= $6
         AND (handling = 'passed' OR ended = 'unreachable')
       GROUP BY agent_id, rule_id
     ), failed AS (
       SELECT c.agent_id, sum(c.connections)::float8 AS connections
       FROM counted c
       JOIN agent_desired_states d ON d.organization_id = $1::uuid AND d.agent_id = c.agent_id
       WHERE ${SHALL_ACCELERATE}
       GROUP BY c.agent_id
     )
     SELECT a.id, a.site_id AS "siteId", a.hostname || ' at ' || s.name AS name, coalesce(f.connections, 0) AS value
     FROM agents a
     JOIN sites s ON s.organization_id = a.organization_id AND s.id = a.site_id
     LEFT JOIN failed f ON f.agent_id = a.id
     WHERE a.organization_id = $1::uuid AND a.state = 'APPROVED' AND ${inScope('s')}
       AND (f.connections >= $4 OR a.id = ANY($5::uuid[]))`,
    ...scopeOf(query),
    query.threshold,
    [...query.openIds],
    query.now,
    NO_ACCELERATION_WINDOW_S,
  );
  const { organizationId, presence, threshold } = query;
  return agents.map((agent) => {
    const isKnown = agent.value >= threshold || presence?.isOnline(organizationId, agent.id) === true;
    return toAgent(agent, isKnown ? agent.value : null);
  });
};

/**
 * Enrolment tokens by their refusals, and (for a rule of all sites) the organization by those that no token of it is known for.
 * What was refused in vain is over when nothing is refused any more, so that there is always a value.
 */
const tokenAbuse: Observe = async (tx, query) => {
  const subjects = await tx.$queryRawUnsafe<
    { id: string; name: string | null; siteId: string | null; origin: string | null; value: number }[]
  >(
    `WITH counted AS (
       SELECT subject_id, sum(count)::float8 AS refusals, (array_agg(origin ORDER BY minute DESC))[1] AS origin
       FROM enrollment_refusals
       WHERE organization_id = $1::uuid AND minute > $6::timestamptz - make_interval(secs => $7) AND minute <= $6
       GROUP BY subject_id
     ), subjects AS (
       SELECT subject_id AS id FROM counted WHERE refusals >= $4 UNION SELECT unnest($5::uuid[])
     )
     SELECT j.id, t.name, t.site_id AS "siteId", c.origin, coalesce(c.refusals, 0) AS value
     FROM subjects j
     LEFT JOIN counted c ON c.subject_id = j.id
     LEFT JOIN enrollment_tokens t ON t.organization_id = $1::uuid AND t.id = j.id
     LEFT JOIN sites s ON s.organization_id = t.organization_id AND s.id = t.site_id
     WHERE (j.id = $1::uuid AND $2::uuid IS NULL AND $3::text IS NULL) OR (s.id IS NOT NULL AND ${inScope('s')})`,
    ...scopeOf(query),
    query.threshold,
    [...query.openIds],
    query.now,
    ABUSE_WINDOW_S,
  );
  return subjects.map(({ id, name, siteId, origin, value }) => ({
    subjectKind: siteId === null ? 'ORGANIZATION' : 'ENROLLMENT_TOKEN',
    subjectId: id,
    subjectName: describeSource(name, origin),
    siteIds: siteId === null ? [] : [siteId],
    value,
  }));
};

const describeSource = (token: string | null, origin: string | null): string =>
  `${token === null ? 'unknown tokens, or too many requests' : `token "${token}"`}${origin === null ? '' : `, last from ${origin}`}`;

export const OBSERVE: Readonly<Record<AlertKind, Observe>> = {
  AGENT_DOWN: agentDown,
  DRIFT: drift,
  LINK_LOSS: linkFigure(
    `CASE WHEN sum(packets_sent) >= ${String(MIN_PACKETS)} THEN 100.0 * sum(packets_lost) / sum(packets_sent) END`,
  ),
  LINK_RTT: linkFigure('sum(rtt_ms_sum) / nullif(sum(rtt_samples), 0)'),
  NO_ACCELERATION: noAcceleration,
  TOKEN_ABUSE: tokenAbuse,
};
