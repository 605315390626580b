import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { JoinCodesService } from './join-codes.service.js';
import { UsersResolver } from './users.resolver.js';
import { UsersService } from './users.service.js';

@Module({ imports: [AuthModule], providers: [UsersResolver, UsersService, JoinCodesService] })
export class UsersModule {}
