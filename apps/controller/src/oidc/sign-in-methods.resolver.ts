import { Inject } from '@nestjs/common';
import { Field, ObjectType, Query, Resolver } from '@nestjs/graphql';
import { Public } from '../auth/access.guard.js';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import { OIDC_START_PATH } from './oidc.controller.js';

@ObjectType({ description: 'An OpenID Connect provider.' })
export class OidcMethod {
  @Field({ description: 'What people call it.' })
  name: string;

  @Field({ description: 'Where to send the browser; with ?next=/path it ends there.' })
  url: string;
}

@ObjectType({ description: 'How people sign in, besides e-mail address and password.' })
export class SignInMethods {
  @Field(() => OidcMethod, { nullable: true, description: 'Null: there is no provider.' })
  oidc: OidcMethod | null;
}

@Resolver()
export class SignInMethodsResolver {
  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  @Query(() => SignInMethods, { description: 'How people sign in; for whoever is not signed in, too.' })
  @Public()
  signInMethods(): SignInMethods {
    const { oidc } = this.settings;
    return { oidc: oidc === undefined ? null : { name: oidc.name, url: OIDC_START_PATH } };
  }
}
