import type { Role } from '../api/schema.js';
import { useViewer } from './session.js';

export const ROLE_NAMES: Record<Role, string> = {
  OWNER: 'Owner',
  ADMIN: 'Admin',
  OPERATOR: 'Operator',
  VIEWER: 'Viewer',
};

/** What a page lets be changed, and the roles that may. The controller decides again on every mutation. */
const MAY = {
  'policy:write': ['OWNER', 'ADMIN', 'OPERATOR'],
  'agents:write': ['OWNER', 'ADMIN'],
  'alerts:write': ['OWNER', 'ADMIN', 'OPERATOR'],
  'webhooks:write': ['OWNER', 'ADMIN'],
} as const satisfies Record<string, readonly Role[]>;

export type Permission = keyof typeof MAY;

export function mayDo(role: Role, permission: Permission): boolean {
  const roles: readonly Role[] = MAY[permission];
  return roles.includes(role);
}

/** Whether the signed-in viewer may do something. */
export const useMay = (permission: Permission): boolean => mayDo(useViewer().role, permission);
