import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { SessionsResolver } from './sessions.resolver.js';

@Module({ imports: [AuthModule], providers: [SessionsResolver] })
export class SessionsModule {}
