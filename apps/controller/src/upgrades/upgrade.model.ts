import { Field, GraphQLISODateTime, HideField, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { RolloutState } from '../generated/prisma/enums.js';
import { countedConnectionOf } from '../graphql/page.model.js';

@InputType({
  description: 'How a version of the agent reaches the sites: canaries, then shares of all, then all.',
})
export class UpgradeInput {
  @Field(() => ID, { description: 'Version of a release.' })
  version: string;

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
    description: 'How long each stage has to hold, in seconds: 0 to 604800; 600 unless given.',
  })
  soakSeconds?: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'How long a connected agent may take to run the version, in seconds, its fetching included: 30 to 86400; 900 unless given.',
  })
  confirmSeconds?: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'It halts when more agents than this fail; 0 unless given.',
  })
  maxFailures?: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'How long open connections of the version before may last, in seconds: 0 to 86400; 300 unless given.',
  })
  drainSeconds?: number | null;
}

@ObjectType({ description: 'Sites that get the version at one time; one of both is given.' })
export class UpgradeStage {
  @Field(() => String, { nullable: true, description: 'Sites with this label.' })
  label: string | null;

  @Field(() => Int, { nullable: true, description: 'This share of all sites, in percent.' })
  percent: number | null;
}

@ObjectType({ description: 'How many agents of the sites that an upgrade has reached stand where.' })
export class UpgradeProgress {
  @Field(() => Int, { description: 'All of them that have a supervisor.' })
  agents: number;

  @Field(() => Int, { description: 'Run the version.' })
  upgraded: number;

  @Field(() => Int, { description: 'Have refused it, and went back to the one before.' })
  failed: number;

  @Field(() => Int, { description: 'Do not run it yet.' })
  pending: number;

  @Field(() => Int, { description: 'Have no supervisor and do not run it: they are upgraded by hand.' })
  byHand: number;
}

@ObjectType({ description: 'A version of the agent on its way to the sites, stage by stage.' })
export class Upgrade {
  @Field(() => ID, { description: 'Opaque.' })
  id: string;

  @Field({ description: 'That is rolled out.' })
  version: string;

  @Field(() => String, {
    nullable: true,
    description: 'That the organization wanted before; null when it wanted none.',
  })
  baseVersion: string | null;

  @Field(() => RolloutState, { description: 'Where it stands.' })
  state: RolloutState;

  @Field(() => Int, { description: 'Index of the stage that has begun, from 0.' })
  stage: number;

  @Field(() => GraphQLISODateTime, { description: 'When that stage began.' })
  stageStartedAt: Date;

  @Field(() => Int, { description: 'How long each stage has to hold, in seconds.' })
  soakSeconds: number;

  @Field(() => Int, { description: 'How long a connected agent may take to run the version, in seconds.' })
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

@ObjectType({ description: 'A page of upgrades, the newest first.' })
export class UpgradeConnection extends countedConnectionOf(Upgrade) {}

@ObjectType({ description: 'A stage that an upgrade would have.' })
export class PlannedStage extends UpgradeStage {
  @Field(() => Int, {
    description: 'Sites that it reaches, those of the stages before included; of a share, about so many.',
  })
  sites: number;
}

@ObjectType({ description: 'What an upgrade would do, as the fleet is now.' })
export class UpgradePlan {
  @Field({ description: 'Of a release.' })
  version: string;

  @Field(() => [PlannedStage], { description: 'In their order; the last one is all sites.' })
  stages: PlannedStage[];

  @Field(() => Int, { description: 'Approved agents that run the version already.' })
  upgraded: number;

  @Field(() => Int, { description: 'Approved agents that have no supervisor: they are upgraded by hand.' })
  byHand: number;

  @Field(() => Int, {
    description: 'Approved agents of sites with a version of their own: they are left alone.',
  })
  leftAlone: number;
}
