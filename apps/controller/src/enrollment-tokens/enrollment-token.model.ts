import { Field, GraphQLISODateTime, HideField, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { countedConnectionOf } from '../graphql/page.model.js';

@ObjectType({ description: 'Lets agents join a site.' })
export class EnrollmentToken {
  @Field(() => ID, { description: 'Opaque; no part of the secret.' })
  id: string;

  @HideField()
  siteId: string;

  @Field({ description: 'What people call it.' })
  name: string;

  @Field(() => [String], { description: 'That agents who use it get.' })
  labels: string[];

  @Field(() => Int, { description: 'How many agents may use it.' })
  maxUses: number;

  @Field(() => Int, { description: 'How many did.' })
  uses: number;

  @Field(() => GraphQLISODateTime, { description: 'When it ends to be good.' })
  expiresAt: Date;

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it was revoked, if it was.' })
  revokedAt: Date | null;

  @Field({ description: 'Whether agents who use it have to be approved.' })
  needsApproval: boolean;

  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt: Date;

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When an agent last used it.' })
  lastUsedAt: Date | null;
}

@ObjectType({ description: 'A page of enrolment tokens, the newest first.' })
export class EnrollmentTokenConnection extends countedConnectionOf(EnrollmentToken) {}

@InputType({ description: 'Which enrolment tokens; all that is given has to hold.' })
export class EnrollmentTokenFilter {
  @Field(() => String, { nullable: true, description: '"active", "revoked", "expired" or "used-up".' })
  status?: string | null;

  @Field(() => ID, { nullable: true, description: 'For agents of this site.' })
  siteId?: string | null;
}

@ObjectType({ description: 'A token that was just made.' })
export class CreatedEnrollmentToken {
  @Field(() => EnrollmentToken, { description: 'What is kept of it.' })
  enrollmentToken: EnrollmentToken;

  @Field({ description: 'The secret; it is shown this once.' })
  token: string;

  @Field({ description: 'What to run on the machine that shall be an agent.' })
  command: string;
}

@InputType({ description: 'An enrolment token to make.' })
export class EnrollmentTokenInput {
  @Field({ description: '1 to 100 characters.' })
  name: string;

  @Field(() => ID, { description: 'That agents join.' })
  siteId: string;

  @Field(() => Int, { nullable: true, description: '1 to 10000; 1 unless given.' })
  maxUses?: number | null;

  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'In 30 days unless given; at most a year off.',
  })
  expiresAt?: Date | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether an admin has to approve each agent; false unless given.',
  })
  needsApproval?: boolean | null;

  @Field(() => [String], { nullable: true, description: 'That agents who use it get.' })
  labels?: string[] | null;
}
