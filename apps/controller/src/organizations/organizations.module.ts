import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { OrganizationsResolver } from './organizations.resolver.js';
import { OrganizationsService } from './organizations.service.js';

@Module({ imports: [AuthModule], providers: [OrganizationsResolver, OrganizationsService] })
export class OrganizationsModule {}
