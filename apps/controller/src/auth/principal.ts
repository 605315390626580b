import type { Role } from '../generated/prisma/enums.js';
import { ApiError } from '../graphql/errors.js';

/** Every kind of access, and the lowest role that has it. An API token has those of its scopes that its maker has. */
export const PERMISSIONS = {
  /** Everything but secrets. */
  read: 'VIEWER',
  'policy:write': 'OPERATOR',
  /** Alerts and the rules that they come from. */
  'alerts:write': 'OPERATOR',
  /** Sites and links. */
  'sites:write': 'ADMIN',
  /** Enrolment tokens; approving and revoking agents. */
  'agents:write': 'ADMIN',
  /** Webhooks, their addresses and what was sent there. */
  'webhooks:write': 'ADMIN',
  /** API tokens. */
  'tokens:write': 'ADMIN',
  /** The audit log. */
  'audit:read': 'ADMIN',
  /** The organization, its people and their sessions. */
  'users:write': 'OWNER',
} as const satisfies Record<string, Role>;

export type Permission = keyof typeof PERMISSIONS;

export const ALL_PERMISSIONS = Object.keys(PERMISSIONS) as Permission[];

export const isPermission = (text: string): text is Permission => Object.hasOwn(PERMISSIONS, text);

const RANK: Record<Role, number> = { VIEWER: 0, OPERATOR: 1, ADMIN: 2, OWNER: 3 };

/** Who asks. */
export interface Principal {
  readonly kind: 'user' | 'api-token';
  /** Of the user or the token. */
  readonly id: string;
  /** E-mail address, or the token's name. */
  readonly name: string;
  readonly organizationId: string;
  /** The person, or the maker of the token. */
  readonly userId: string;
  /** That owns the person's identity. */
  readonly userOrganizationId: string;
  readonly role: Role;
  /** Of an API token. */
  readonly scopes: readonly string[] | undefined;
  /** Of the session, for signing out. */
  readonly sessionId: string | undefined;
  /** The client's address. */
  readonly origin: string | undefined;
}

export const hasRole = (principal: Principal, role: Role): boolean => RANK[principal.role] >= RANK[role];

export const mayDo = (principal: Principal, permission: Permission): boolean =>
  hasRole(principal, PERMISSIONS[permission]) && (principal.scopes?.includes(permission) ?? true);

/** For what is about the caller's own account. @throws ApiError FORBIDDEN for an API token */
export const requirePerson = (principal: Principal): Principal => {
  if (principal.kind === 'user') return principal;
  throw new ApiError('FORBIDDEN', 'This is for people, not for API tokens: sign in.');
};
