import {
  Field,
  GraphQLISODateTime,
  HideField,
  ID,
  InputType,
  ObjectType,
  registerEnumType,
} from '@nestjs/graphql';
import { AgentState, ApplyOutcome } from '../generated/prisma/enums.js';
import { countedConnectionOf } from '../graphql/page.model.js';

registerEnumType(AgentState, {
  name: 'AgentState',
  description: 'Where an agent stands.',
  valuesMap: {
    PENDING: { description: 'It enrolled and waits to be approved: it may say hello and nothing more.' },
    APPROVED: { description: 'It gets its desired state.' },
    REVOKED: { description: 'Its credential is void, for good.' },
  },
});

registerEnumType(ApplyOutcome, {
  name: 'ApplyOutcome',
  description: 'What became of a desired state at an agent.',
  valuesMap: {
    APPLIED: { description: 'It is in force.' },
    REJECTED: { description: 'It was not valid for the agent, which keeps the state before.' },
    REVERTED: { description: 'It could not be confirmed, and the agent went back to the state before.' },
  },
});

/** As the contract's UpgradeReport has it. */
export enum AgentUpgradeState {
  IDLE = 'IDLE',
  FETCHING = 'FETCHING',
  TRYING = 'TRYING',
  REFUSED = 'REFUSED',
}

registerEnumType(AgentUpgradeState, {
  name: 'AgentUpgradeState',
  description: 'Where an agent stands with the version that it is to run.',
  valuesMap: {
    IDLE: { description: 'It runs what it is to run, or does not know of it yet.' },
    FETCHING: { description: 'It fetches the release.' },
    TRYING: { description: 'Both versions run: the new one has to prove itself.' },
    REFUSED: {
      description: 'The version was no good, and the one before goes on. It is not tried again by itself.',
    },
  },
});

@ObjectType({ description: 'An edge agent that enrolled.' })
export class Agent {
  @Field(() => ID, { description: 'Opaque.' })
  id: string;

  @HideField()
  siteId: string;

  @Field({ description: 'As the agent says.' })
  hostname: string;

  @Field(() => AgentState, { description: 'Where it stands.' })
  state: AgentState;

  @Field(() => String, { nullable: true, description: 'Of its software.' })
  version: string | null;

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When the controller last heard of it.' })
  lastSeenAt: Date | null;

  @Field({ description: 'X25519, 32 bytes in base64.' })
  tunnelPublicKey: string;

  @Field(() => [String], { description: 'host:port at which its peers reach it, best first.' })
  endpoints: string[];

  @Field(() => GraphQLISODateTime, { description: 'When it enrolled first.' })
  enrolledAt: Date;

  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description:
      'When two processes were found at work with its identity (a copied state folder, or stolen keys), to the hour; null: never.',
  })
  cloneDetectedAt: Date | null;
}

@ObjectType({ description: 'How upgrades of an agent stand, as it says.' })
export class AgentUpgrade {
  @Field(() => AgentUpgradeState, { description: 'Where it stands.' })
  state: AgentUpgradeState;

  @Field(() => String, { nullable: true, description: 'The version that this is about; null of IDLE.' })
  version: string | null;

  @Field(() => String, { nullable: true, description: 'Why it was refused.' })
  reason: string | null;
}

@ObjectType({ description: 'A page of agents, by host name.' })
export class AgentConnection extends countedConnectionOf(Agent) {}

@InputType({ description: 'Which agents; all that is given has to hold.' })
export class AgentFilter {
  @Field(() => AgentState, { nullable: true, description: 'Where the agent stands.' })
  state?: AgentState | null;

  @Field(() => ID, { nullable: true, description: 'Of this site.' })
  siteId?: string | null;

  @Field(() => String, { nullable: true, description: 'A part of the host name, in any case.' })
  hostname?: string | null;

  @Field(() => String, { nullable: true, description: 'Of its software, exactly.' })
  version?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether it is connected at this moment; agents that are not revoked.',
  })
  online?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether it is approved and not (yet) what it shall be; agents that are not revoked.',
  })
  drifted?: boolean | null;
}
