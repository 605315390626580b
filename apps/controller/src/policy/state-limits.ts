import { DESIRED_STATE_LIMITS } from '@longhaul/contracts';
import { badInput } from '../graphql/errors.js';
import { compileFleet, type DesiredContent } from './compile.js';
import type { Fleet } from './fleet.js';
import type { TestedFleet } from './policy-tests.js';

type List = keyof typeof DESIRED_STATE_LIMITS;

/** What the entries of each list are, and how there come to be fewer of them. */
const LISTS: Readonly<Record<List, { readonly what: string; readonly advice: string }>> = {
  rules: {
    what: 'flow rules (a rule that accelerates is one for each site that it leads to)',
    advice: 'have fewer rules, or lead them to fewer sites: by sites, labels or prefixes, or by hubs',
  },
  allow: {
    what: 'permissions for others (one for each agent and set of ports)',
    advice: 'have fewer rules with ports of their own, or link the site to fewer others, by hubs',
  },
  forwards: { what: 'forwards, of all policies together', advice: 'have fewer of them' },
  peers: { what: 'peers', advice: 'link the site to fewer others, by hubs' },
};

/**
 * Sees that an agent would accept what was compiled for it.
 *
 * @throws ApiError BAD_INPUT that names the site, the number, the limit and what to do; no longer than an agent shows of it
 */
export const assertFits = (
  { sites }: Pick<Fleet, 'sites'>,
  content: Pick<DesiredContent, 'siteId' | List>,
): void => {
  for (const list of Object.keys(LISTS) as List[]) {
    const [count, limit] = [content[list].length, DESIRED_STATE_LIMITS[list]];
    if (count <= limit) continue;
    const { what, advice } = LISTS[list];
    const name = sites.find(({ id }) => id === content.siteId)?.name ?? content.siteId;
    const message = `site "${name}" would have ${String(count)} of at most ${String(limit)} ${what}: ${advice}`;
    throw badInput([{ path: '', code: 'TOO_BIG', message }]);
  }
};

/** {@link assertFits} of every agent. Who the peers are does not depend on policies. @throws ApiError BAD_INPUT */
export const assertFleetFits = (fleet: TestedFleet): void => {
  const contents = compileFleet({ ...fleet, links: [], presharedKeys: new Map() });
  for (const [, content] of contents) assertFits(fleet, content);
};
