import { Field, GraphQLISODateTime, ID, InputType, ObjectType } from '@nestjs/graphql';
import { ALL_PERMISSIONS } from '../auth/principal.js';
import { countedConnectionOf } from '../graphql/page.model.js';

const SCOPES = `Any of ${ALL_PERMISSIONS.map((scope) => `"${scope}"`).join(', ')}.`;

@ObjectType({ description: 'A credential of a pipeline, sent as "Authorization: Bearer lh_api_…".' })
export class ApiToken {
  @Field(() => ID, { description: 'Opaque; no part of the secret.' })
  id: string;

  @Field({ description: 'What people call it.' })
  name: string;

  @Field(() => [String], { description: `What it may do, as long as its maker may. ${SCOPES}` })
  scopes: string[];

  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt: Date;

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it ends to be good; null: never.' })
  expiresAt: Date | null;

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'To the minute; null: never used.' })
  lastUsedAt: Date | null;

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it was revoked, if it was.' })
  revokedAt: Date | null;
}

@ObjectType({ description: 'A page of API tokens, the newest first.' })
export class ApiTokenConnection extends countedConnectionOf(ApiToken) {}

@InputType({ description: 'Which API tokens; all that is given has to hold.' })
export class ApiTokenFilter {
  @Field(() => String, { nullable: true, description: '"active", "revoked" or "expired".' })
  status?: string | null;
}

@ObjectType({ description: 'A token that was just made.' })
export class CreatedApiToken {
  @Field(() => ApiToken, { description: 'What is kept of it.' })
  apiToken: ApiToken;

  @Field({ description: 'The secret; it is shown this once.' })
  token: string;
}

@InputType({ description: 'An API token to make.' })
export class CreateApiTokenInput {
  @Field({ description: '1 to 100 characters.' })
  name: string;

  @Field(() => [String], { description: SCOPES })
  scopes: string[];

  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'Without it the token is good until revoked.',
  })
  expiresAt?: Date | null;
}
