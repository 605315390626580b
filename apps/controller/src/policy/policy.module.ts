import { Module } from '@nestjs/common';
import { CompilerModule } from './compiler.module.js';
import { AgentApplicationResolver, PolicyResolver, PolicyRevisionResolver } from './policy.resolver.js';
import { PolicyService } from './policy.service.js';

@Module({
  imports: [CompilerModule],
  providers: [PolicyService, PolicyResolver, PolicyRevisionResolver, AgentApplicationResolver],
})
export class PolicyModule {}
