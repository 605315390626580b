import { Module } from '@nestjs/common';
import { FleetResolver } from './fleet.resolver.js';
import { FlowsResolver } from './flows.resolver.js';
import { FlowsService } from './flows.service.js';

@Module({ providers: [FleetResolver, FlowsResolver, FlowsService] })
export class FleetModule {}
