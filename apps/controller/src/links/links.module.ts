import { Module } from '@nestjs/common';
import { CompilerModule } from '../policy/compiler.module.js';
import { LinkEndResolver, LinksResolver } from './links.resolver.js';
import { LinksService } from './links.service.js';

@Module({ imports: [CompilerModule], providers: [LinksService, LinksResolver, LinkEndResolver] })
export class LinksModule {}
