import { Field, GraphQLISODateTime, ID, InputType, ObjectType } from '@nestjs/graphql';
import { connectionOf } from '../graphql/page.model.js';

@ObjectType({ description: 'Who changed what, from where. It is written with the change and never changes.' })
export class AuditEvent {
  @Field(() => ID, { description: 'Opaque.' })
  id: string;

  @Field(() => GraphQLISODateTime, { description: 'When.' })
  at: Date;

  @Field({ description: '"user", "api-token", "agent" or "system".' })
  actorKind: string;

  @Field(() => ID, { nullable: true, description: 'Of the person, the token or the agent.' })
  actorId: string | null;

  @Field({ description: 'As it was called then: e-mail address, name of the token, host name.' })
  actorName: string;

  @Field(() => String, { nullable: true, description: "The client's address." })
  origin: string | null;

  @Field(() => ID, { nullable: true, description: 'Of the session, if a person did it.' })
  sessionId: string | null;

  @Field({ description: 'Such as "site.create" or "policy.save".' })
  action: string;

  @Field(() => String, { nullable: true, description: 'Id of what it was done to.' })
  targetId: string | null;

  @Field(() => String, { nullable: true, description: 'What it was, as JSON; never a secret.' })
  before: string | null;

  @Field(() => String, { nullable: true, description: 'What it became, as JSON; never a secret.' })
  after: string | null;
}

@ObjectType({ description: 'A page of the audit log, the newest first.' })
export class AuditEventConnection extends connectionOf(AuditEvent) {}

@InputType({ description: 'Which events; all that is given has to hold.' })
export class AuditEventFilter {
  @Field(() => [String], {
    nullable: true,
    description: 'Any of these: "site.create", or "site." for all that begins so.',
  })
  actions?: string[] | null;

  @Field(() => ID, { nullable: true, description: 'Done by this person, token or agent.' })
  actorId?: string | null;

  @Field(() => String, { nullable: true, description: 'Done to what has this id.' })
  targetId?: string | null;

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'At this time or later.' })
  since?: Date | null;

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'Before this time.' })
  until?: Date | null;
}
