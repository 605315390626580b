import { Field, Float, GraphQLISODateTime, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { connectionOf } from '../graphql/page.model.js';

@ObjectType({ description: 'One TCP connection, as the agent that it came through saw it.' })
export class Flow {
  @Field(() => ID, { description: 'Made by the agent.' })
  flowId: string;

  @Field(() => ID, { description: 'That it came through.' })
  agentId: string;

  @Field(() => ID, {
    nullable: true,
    description: 'That opened it at the far side; null unless accelerated.',
  })
  peerAgentId: string | null;

  @Field({ description: 'Address of the client.' })
  source: string;

  @Field({ description: 'Address of the server.' })
  destination: string;

  @Field(() => Int, { description: 'Port of the server.' })
  destinationPort: number;

  @Field(() => String, { nullable: true, description: 'Rule of the policy that decided; null: none did.' })
  ruleId: string | null;

  @Field({ description: '"accelerated", "passed" or "refused".' })
  handling: string;

  @Field(() => GraphQLISODateTime, { description: 'When it was opened.' })
  startedAt: Date;

  @Field(() => GraphQLISODateTime, { description: 'End of the last interval that was reported.' })
  lastSeenAt: Date;

  @Field(() => String, { nullable: true, description: 'How it ended; null while it is open.' })
  ended: string | null;

  @Field(() => String, { nullable: true, description: 'Why it was not accelerated, or ended so.' })
  reason: string | null;

  @Field(() => Float, { description: 'Bytes from the client.' })
  bytesUp: number;

  @Field(() => Float, { description: 'Bytes to the client.' })
  bytesDown: number;

  @Field(() => Float, { description: 'The same, after compression.' })
  encodedBytesUp: number;

  @Field(() => Float, { description: 'The same, after compression.' })
  encodedBytesDown: number;
}

@ObjectType({ description: 'A page of flows, the newest first.' })
export class FlowConnection extends connectionOf(Flow) {}

@InputType({ description: 'Which flows; all that is given has to hold.' })
export class FlowFilter {
  @Field(() => ID, { nullable: true, description: 'Through an agent of this site.' })
  siteId?: string | null;

  @Field(() => ID, { nullable: true, description: 'Through this agent.' })
  agentId?: string | null;

  @Field(() => String, { nullable: true, description: 'IP address of the client or the server.' })
  address?: string | null;

  @Field(() => Int, { nullable: true, description: 'Port of the server.' })
  destinationPort?: number | null;

  @Field(() => String, { nullable: true, description: '"accelerated", "passed" or "refused".' })
  handling?: string | null;
}
