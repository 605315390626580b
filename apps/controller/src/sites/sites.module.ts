import { Module } from '@nestjs/common';
import { CompilerModule } from '../policy/compiler.module.js';
import { SitesResolver } from './sites.resolver.js';
import { SitesService } from './sites.service.js';

@Module({ imports: [CompilerModule], providers: [SitesResolver, SitesService] })
export class SitesModule {}
