import { type CanActivate, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { GqlExecutionContext } from '@nestjs/graphql';
import { ApiError } from '../graphql/errors.js';
import type { RequestContext } from '../graphql/request-context.js';
import { hasRole, mayDo, type Permission, PERMISSIONS } from './principal.js';

const ACCESS = Symbol('access');

/** What a query or mutation asks of the one who calls it. */
export const Requires = (permission: Permission) => SetMetadata(ACCESS, permission);

/** Also for those who are not signed in. */
export const Public = () => SetMetadata(ACCESS, 'public');

/** Every query and mutation says what it requires; one that forgets is closed to all. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    if (context.getType<string>() !== 'graphql') return true;
    const access = this.reflector.get<Permission | 'public' | undefined>(ACCESS, context.getHandler());
    if (access === 'public') return true;
    const { principal } = GqlExecutionContext.create(context).getContext<RequestContext>();
    if (access === undefined) throw new ApiError('FORBIDDEN', 'This is open to nobody.');
    if (mayDo(principal, access)) return true;
    throw new ApiError('FORBIDDEN', explain(hasRole(principal, PERMISSIONS[access]), access));
  }
}

const explain = (roleSuffices: boolean, permission: Permission): string =>
  roleSuffices
    ? `This needs an API token with the scope "${permission}": make one that has it.`
    : `This needs the role ${PERMISSIONS[permission]} or higher: ask an owner of the organization.`;
