import { Field, GraphQLISODateTime, ID, ObjectType } from '@nestjs/graphql';
import { countedConnectionOf } from '../graphql/page.model.js';

@ObjectType({ description: 'A signed-in browser or command line.' })
export class Session {
  @Field(() => ID, { description: 'Opaque; no part of the cookie.' })
  id: string;

  @Field(() => ID, { description: 'Of the person who signed in.' })
  userId: string;

  @Field(() => GraphQLISODateTime, { description: 'When they signed in.' })
  createdAt: Date;

  @Field(() => GraphQLISODateTime, { description: 'When it ends by itself.' })
  expiresAt: Date;

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'To the minute; null: not yet.' })
  lastUsedAt: Date | null;

  @Field(() => String, { nullable: true, description: "The client's address at sign-in." })
  origin: string | null;

  @Field(() => String, { nullable: true, description: 'What the client said that it is, at sign-in.' })
  userAgent: string | null;
}

@ObjectType({ description: 'A page of sessions, the newest first.' })
export class SessionConnection extends countedConnectionOf(Session) {}
