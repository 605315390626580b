import { Module } from '@nestjs/common';
import { CompilerModule } from './compiler.module.js';
import { AgentApplicationResolver, PolicyResolver, PolicyRevisionResolver } from './policy.resolver.js';
import { PolicyListsService } from './policy-lists.service.js';
import { PolicyService } from './policy.service.js';
import { PreviewResolver } from './preview.resolver.js';
import { PreviewService } from './preview.service.js';
import { RolloutResolver } from './rollout.resolver.js';
import { RolloutService } from './rollout.service.js';

@Module({
  imports: [CompilerModule],
  providers: [
    PreviewService,
    PreviewResolver,
    RolloutService,
    RolloutResolver,
    PolicyListsService,
    PolicyService,
    PolicyResolver,
    PolicyRevisionResolver,
    AgentApplicationResolver,
  ],
})
export class PolicyModule {}
