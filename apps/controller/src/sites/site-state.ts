import { registerEnumType } from '@nestjs/graphql';
import type { AgentConformity } from '../agents/conformity.js';
import type { OnlineAgents } from '../agents/online.js';

/** How a site is, by its agents. */
export const SiteState = {
  EMPTY: 'EMPTY',
  PENDING: 'PENDING',
  OFFLINE: 'OFFLINE',
  DEGRADED: 'DEGRADED',
  HEALTHY: 'HEALTHY',
} as const;
export type SiteState = (typeof SiteState)[keyof typeof SiteState];

registerEnumType(SiteState, {
  name: 'SiteState',
  description: 'How a site is, by its agents; revoked ones do not count.',
  valuesMap: {
    EMPTY: { description: 'It has no agent.' },
    PENDING: { description: 'Its agents wait to be approved.' },
    OFFLINE: { description: 'None of its approved agents is connected.' },
    DEGRADED: { description: 'Some are not connected, or not (yet) what they shall be.' },
    HEALTHY: { description: 'All are connected, and what they shall be.' },
  },
});

/** @param agents those of one site that are not revoked */
export const siteStateOf = (
  organizationId: string,
  agents: readonly AgentConformity[],
  presence: OnlineAgents,
): SiteState => {
  if (agents.length === 0) return 'EMPTY';
  const approved = agents.filter(({ state }) => state === 'APPROVED');
  if (approved.length === 0) return 'PENDING';
  const online = approved.filter(({ id }) => presence.isOnline(organizationId, id));
  if (online.length === 0) return 'OFFLINE';
  const whole = online.length === approved.length && approved.every((agent) => agent.conforms);
  return whole ? 'HEALTHY' : 'DEGRADED';
};
