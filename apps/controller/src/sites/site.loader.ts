import { groupBy, defineLoader, indexBy } from '../graphql/loader.js';
import { readConformity } from '../agents/conformity.js';

/** Sites by id. */
export const siteLoader = defineLoader(async ({ tx, organizationId, keys }) =>
  indexBy(await tx.site.findMany({ where: { organizationId, id: { in: keys } } }), ({ id }) => id),
);

/** The agents by which a site's state is told, by site. */
export const conformityOfSiteLoader = defineLoader(async ({ tx, organizationId, keys }) =>
  groupBy(await readConformity(tx, organizationId, keys), ({ siteId }) => siteId),
);
