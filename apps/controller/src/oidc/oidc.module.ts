import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { OidcController } from './oidc.controller.js';
import { OidcSignIn } from './oidc-sign-in.service.js';
import { SignInMethodsResolver } from './sign-in-methods.resolver.js';

@Module({
  imports: [AuthModule],
  controllers: [OidcController],
  providers: [OidcSignIn, SignInMethodsResolver],
})
export class OidcModule {}
