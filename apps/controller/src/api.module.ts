import { Module } from '@nestjs/common';
import { AgentsModule } from './agents/agents.module.js';
import { AlertsModule } from './alerts/alerts.module.js';
import { ApiTokensModule } from './api-tokens/api-tokens.module.js';
import { AuditLogModule } from './audit/audit-log.module.js';
import { AuthModule } from './auth/auth.module.js';
import { EnrollmentTokensModule } from './enrollment-tokens/enrollment-tokens.module.js';
import { ExportsModule } from './exports/exports.module.js';
import { FleetModule } from './fleet/fleet.module.js';
import { GraphQLModule } from './graphql/graphql.module.js';
import { LinksModule } from './links/links.module.js';
import { OidcModule } from './oidc/oidc.module.js';
import { OrganizationsModule } from './organizations/organizations.module.js';
import { PolicyModule } from './policy/policy.module.js';
import { SeriesModule } from './series/series.module.js';
import { SessionsModule } from './sessions/sessions.module.js';
import { SitesModule } from './sites/sites.module.js';
import { ChangeSubscriptionsModule } from './subscriptions/change-subscriptions.module.js';
import { UpgradesModule } from './upgrades/upgrades.module.js';
import { UsersModule } from './users/users.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';

/** The GraphQL API, and the way to sign in by OpenID Connect. Needs settings, the controller's state, the database and who is online, all of them global. */
@Module({
  imports: [
    AuthModule,
    OidcModule,
    OrganizationsModule,
    UsersModule,
    SessionsModule,
    ApiTokensModule,
    AuditLogModule,
    SitesModule,
    AgentsModule,
    LinksModule,
    EnrollmentTokensModule,
    PolicyModule,
    FleetModule,
    ChangeSubscriptionsModule,
    SeriesModule,
    AlertsModule,
    WebhooksModule,
    ExportsModule,
    UpgradesModule,
    GraphQLModule,
  ],
})
export class ApiModule {}
