import { isPrefix, parsePorts } from '../lib/address.js';
import type { PolicyNames } from './describe.js';
import type { Rule } from './draft.js';

export interface Problem {
  key: string;
  field: 'name' | 'weight' | 'rateLimitMbps' | 'source' | 'destination' | 'ports';
  message: string;
}

type Finding = Omit<Problem, 'key'>;

const NAME_MAX_LENGTH = 100;
export const WEIGHT_MIN = 1;
export const WEIGHT_MAX = 100;
const RATE_LIMIT_MIN_MBPS = 0.1;
const RATE_LIMIT_MAX_MBPS = 100_000;

function inName({ name }: Rule): Finding[] {
  if (name.trim() === '') return [{ field: 'name', message: 'Give the rule a name.' }];
  if (name.trim().length <= NAME_MAX_LENGTH) return [];
  return [{ field: 'name', message: `A name has at most ${String(NAME_MAX_LENGTH)} characters.` }];
}

function inWeight({ weight }: Rule): Finding[] {
  if (Number.isInteger(weight) && weight >= WEIGHT_MIN && weight <= WEIGHT_MAX) return [];
  return [
    {
      field: 'weight',
      message: `The weight is a whole number from ${String(WEIGHT_MIN)} to ${String(WEIGHT_MAX)}.`,
    },
  ];
}

function inRateLimit({ action, rateLimitMbps }: Rule): Finding[] {
  if (action !== 'ACCELERATE' || rateLimitMbps === null) return [];
  if (rateLimitMbps >= RATE_LIMIT_MIN_MBPS && rateLimitMbps <= RATE_LIMIT_MAX_MBPS) return [];
  return [
    {
      field: 'rateLimitMbps',
      message: `A rate limit is from ${String(RATE_LIMIT_MIN_MBPS)} to ${String(RATE_LIMIT_MAX_MBPS)} Mbit/s.`,
    },
  ];
}

function inPorts({ unreadPorts }: Rule): Finding[] {
  if (unreadPorts === undefined) return [];
  const read = parsePorts(unreadPorts);
  return 'error' in read ? [{ field: 'ports', message: read.error }] : [];
}

function inSelector(rule: Rule, field: 'source' | 'destination', names: PolicyNames): Finding[] {
  const { siteIds, prefixes } = rule[field];
  const unknown = siteIds.filter((id) => !names.sites.some((site) => site.id === id));
  return [
    ...unknown.map((id) => ({ field, message: `There is no site “${id}”.` })),
    ...prefixes
      .filter((prefix) => !isPrefix(prefix))
      .map((prefix) => ({ field, message: `“${prefix}” is not an address block such as 10.1.0.0/16.` })),
  ];
}

/** What has to be put right before a save. The controller checks again, and more. */
export function problemsIn(rules: readonly Rule[], names: PolicyNames): Problem[] {
  return rules.flatMap((rule) =>
    [
      ...inName(rule),
      ...inWeight(rule),
      ...inRateLimit(rule),
      ...inPorts(rule),
      ...inSelector(rule, 'source', names),
      ...inSelector(rule, 'destination', names),
    ].map((finding) => ({ key: rule.key, ...finding })),
  );
}
