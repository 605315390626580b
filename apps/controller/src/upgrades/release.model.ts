import { Field, GraphQLISODateTime, HideField, Int, ObjectType } from '@nestjs/graphql';
import { countedConnectionOf } from '../graphql/page.model.js';

@ObjectType({ description: 'A release of the agent that the controller has the file of.' })
export class AgentRelease {
  @HideField()
  organizationId: string;

  @Field({ description: '1 to 50 of letters, digits, ".", "+" and "-"; unique in the organization.' })
  version: string;

  @Field({ description: 'SHA-256 of its file, hexadecimal: what agents check before they unpack it.' })
  sha256: string;

  @Field(() => Int, { description: 'Bytes of its file.' })
  bytes: number;

  @Field(() => String, {
    nullable: true,
    description:
      'Ed25519 signature over version and SHA-256, base64; agents with a release key take nothing without.',
  })
  signature: string | null;

  @Field(() => String, { nullable: true, description: 'For people.' })
  notes: string | null;

  @Field({ description: 'Who added it.' })
  author: string;

  @Field(() => GraphQLISODateTime, { description: 'When it was added.' })
  createdAt: Date;
}

@ObjectType({ description: 'A page of releases of the agent, the newest first.' })
export class AgentReleaseConnection extends countedConnectionOf(AgentRelease) {}
