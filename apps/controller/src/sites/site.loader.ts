import { defineLoader, indexBy } from '../graphql/loader.js';

/** Sites by id. */
export const siteLoader = defineLoader(async ({ tx, organizationId, keys }) =>
  indexBy(await tx.site.findMany({ where: { organizationId, id: { in: keys } } }), ({ id }) => id),
);
