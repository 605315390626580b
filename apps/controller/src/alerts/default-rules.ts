import type { Transaction } from '../database/prisma.js';
import type { Prisma } from '../generated/prisma/client.js';
import { YES_OR_NO } from './alert-kinds.js';

type DefaultRule = Omit<Prisma.AlertRuleCreateManyInput, 'organizationId' | 'emails'>;

/** What an organization watches before anybody has chosen: patient enough not to cry at a reboot or a busy hour. */
export const DEFAULT_RULES: readonly DefaultRule[] = [
  // Longer than a restart of an agent, its host or a controller takes.
  {
    name: 'Agent down',
    kind: 'AGENT_DOWN',
    severity: 'CRITICAL',
    ...YES_OR_NO,
    forSeconds: 120,
    clearForSeconds: 60,
  },
  // From some 2 % on, a single TCP connection is slow on any long line, and the line is likely to be faulty.
  {
    name: 'Link loses packets',
    kind: 'LINK_LOSS',
    severity: 'WARNING',
    threshold: 2,
    clearThreshold: 1,
    forSeconds: 300,
    clearForSeconds: 300,
  },
  // More than any line on the ground has between two continents; a site behind a satellite needs a rule of its own.
  {
    name: 'Link is slow',
    kind: 'LINK_RTT',
    severity: 'INFO',
    threshold: 500,
    clearThreshold: 400,
    forSeconds: 300,
    clearForSeconds: 300,
  },
  // An agent has a minute to confirm a state.
  {
    name: 'Agent drifts',
    kind: 'DRIFT',
    severity: 'WARNING',
    ...YES_OR_NO,
    forSeconds: 300,
    clearForSeconds: 60,
  },
  {
    name: 'Connections are not accelerated',
    kind: 'NO_ACCELERATION',
    severity: 'WARNING',
    threshold: 10,
    clearThreshold: 0,
    forSeconds: 60,
    clearForSeconds: 60,
  },
  {
    name: 'Enrolment token abused',
    kind: 'TOKEN_ABUSE',
    severity: 'WARNING',
    threshold: 20,
    clearThreshold: 5,
    forSeconds: 0,
    clearForSeconds: 600,
  },
];

/**
 * Gives an organization its default rules, once: those that it deletes stay deleted. Organizations of before, and those that a
 * replica of the former release makes, get them by the first evaluation.
 *
 * @returns whether it was now
 */
export const ensureDefaultRules = async (tx: Transaction, organizationId: string): Promise<boolean> => {
  const { count } = await tx.alertEvaluation.createMany({ data: [{ organizationId }], skipDuplicates: true });
  if (count === 0) return false;
  await tx.alertRule.createMany({
    data: DEFAULT_RULES.map((rule) => ({ ...rule, organizationId, emails: [] })),
  });
  return true;
};
