import type { OidcAccess } from '../config/oidc-settings.js';
import type { Role } from '../generated/prisma/enums.js';
import type { OidcIdentity } from './oidc-client.js';

const FROM_LOWEST: readonly Role[] = ['VIEWER', 'OPERATOR', 'ADMIN', 'OWNER'];

/** Whether the provider has a say about this person there: only of a verified address, and of the domains that are named. */
export const isOfDomain = ({ domains }: OidcAccess, { email, emailVerified }: OidcIdentity): boolean =>
  emailVerified && domains.includes(email.slice(email.lastIndexOf('@') + 1));

/** What somebody may do in one organization: the highest role of the claim's values; undefined: they are not let in. */
export const roleBy = (access: OidcAccess, identity: OidcIdentity): Role | undefined => {
  if (!isOfDomain(access, identity)) return undefined;
  const values = [identity.claims[access.claim]].flat().filter((value) => typeof value === 'string');
  const roles = values.flatMap((value) => (Object.hasOwn(access.roles, value) ? [access.roles[value]] : []));
  return FROM_LOWEST.findLast((role) => roles.includes(role)) ?? access.defaultRole;
};
