import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AccessGuard } from './access.guard.js';
import { AuthResolver } from './auth.resolver.js';
import { AuthService } from './auth.service.js';
import { SessionsService } from './sessions.service.js';

@Module({
  providers: [AuthService, SessionsService, AuthResolver, { provide: APP_GUARD, useClass: AccessGuard }],
  exports: [AuthService, SessionsService],
})
export class AuthModule {}
