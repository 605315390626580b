import { Module } from '@nestjs/common';
import { CompilerModule } from '../policy/compiler.module.js';
import { AgentsResolver } from './agents.resolver.js';
import { AgentsService } from './agents.service.js';

@Module({ imports: [CompilerModule], providers: [AgentsResolver, AgentsService] })
export class AgentsModule {}
