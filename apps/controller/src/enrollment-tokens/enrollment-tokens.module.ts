import { Module } from '@nestjs/common';
import { EnrollmentTokensResolver } from './enrollment-tokens.resolver.js';
import { EnrollmentTokensService } from './enrollment-tokens.service.js';

/** Making and revoking tokens; agents use them at the enrolment API. */
@Module({ providers: [EnrollmentTokensResolver, EnrollmentTokensService] })
export class EnrollmentTokensModule {}
