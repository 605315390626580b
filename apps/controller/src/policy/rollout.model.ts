import {
  Field,
  GraphQLISODateTime,
  HideField,
  ID,
  InputType,
  Int,
  ObjectType,
  registerEnumType,
} from '@nestjs/graphql';
import { RolloutState } from '../generated/prisma/enums.js';
import { countedConnectionOf } from '../graphql/page.model.js';

registerEnumType(RolloutState, {
  name: 'RolloutState',
  description: 'Where a rollout stands.',
  valuesMap: {
    RUNNING: { description: 'It goes on by itself.' },
    HALTED: {
      description: 'Too many agents failed, went away or lost tunnels: resume or abort it.',
    },
    COMPLETED: { description: 'Its revision is in force everywhere.' },
    ABORTED: { description: 'The revision from before is in force everywhere again.' },
  },
});

@InputType({ description: 'How a revision reaches the sites: canaries, then shares of all, then all.' })
export class RolloutInput {
  @Field(() => String, {
    nullable: true,
    description: 'Sites with this label are first; at least one has it.',
  })
  canaryLabel?: string | null;

  @Field(() => [Int], {
    nullable: true,
    description: 'Shares of all sites in percent, 1 to 99, ascending; at most 10.',
  })
  percentages?: number[] | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'How long each stage has to hold, in seconds: 0 to 86400; 60 unless given. Lost tunnels show after 20.',
  })
  soakSeconds?: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'How long a connected agent may take to apply, in seconds: 10 to 3600; 120 unless given.',
  })
  confirmSeconds?: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'It halts when more agents than this fail; 0 unless given.',
  })
  maxFailures?: number | null;
}

@ObjectType({ description: 'Sites that get the revision at one time; one of both is given.' })
export class RolloutStage {
  @Field(() => String, { nullable: true, description: 'Sites with this label.' })
  label: string | null;

  @Field(() => Int, { nullable: true, description: 'This share of all sites, in percent.' })
  percent: number | null;
}

@ObjectType({ description: 'A revision on its way to the sites, stage by stage.' })
export class Rollout {
  @Field(() => ID, { description: 'Opaque.' })
  id: string;

  @Field(() => Int, { description: 'That is rolled out.' })
  revision: number;

  @Field(() => Int, { nullable: true, description: 'In force before; null when there was none.' })
  baseRevision: number | null;

  @Field(() => RolloutState, { description: 'Where it stands.' })
  state: RolloutState;

  @Field(() => Int, { description: 'Index of the stage that has begun, from 0.' })
  stage: number;

  @Field(() => GraphQLISODateTime, { description: 'When that stage began.' })
  stageStartedAt: Date;

  @Field(() => Int, { description: 'How long each stage has to hold, in seconds.' })
  soakSeconds: number;

  @Field(() => Int, { description: 'How long a connected agent may take to apply, in seconds.' })
  confirmSeconds: number;

  @Field(() => Int, { description: 'It halts when more agents than this fail.' })
  maxFailures: number;

  @Field(() => String, { nullable: true, description: 'Why it halted.' })
  reason: string | null;

  @Field({ description: 'Who began it.' })
  author: string;

  @Field(() => GraphQLISODateTime, { description: 'When it began.' })
  createdAt: Date;

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it ended.' })
  finishedAt: Date | null;

  @HideField()
  organizationId: string;
}

@ObjectType({ description: 'A page of rollouts, the newest first.' })
export class RolloutConnection extends countedConnectionOf(Rollout) {}

@InputType({ description: 'Which rollouts; all that is given has to hold.' })
export class RolloutFilter {
  @Field(() => RolloutState, { nullable: true, description: 'Where it stands.' })
  state?: RolloutState | null;

  @Field(() => Int, { nullable: true, description: 'That is rolled out.' })
  revision?: number | null;
}

@ObjectType({ description: 'How many agents of the sites that a rollout has reached stand where.' })
export class RolloutProgress {
  @Field(() => Int, { description: 'All of them.' })
  agents: number;

  @Field(() => Int, { description: 'Are what they shall be.' })
  applied: number;

  @Field(() => Int, { description: 'Rejected or reverted it.' })
  failed: number;

  @Field(() => Int, { description: 'Have not answered yet.' })
  pending: number;
}
