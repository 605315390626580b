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
import { ApplyOutcome } from '../generated/prisma/enums.js';

/** GraphQL's names and the contract's. */
export const RuleAction = { ACCELERATE: 'accelerate', PASS: 'pass', DENY: 'deny' } as const;
export type RuleAction = (typeof RuleAction)[keyof typeof RuleAction];
registerEnumType(RuleAction, {
  name: 'RuleAction',
  description: 'What becomes of a connection.',
  valuesMap: {
    ACCELERATE: {
      description: "Goes through a tunnel to the destination site's agent, which opens it there.",
    },
    PASS: { description: 'Goes straight, untouched.' },
    DENY: { description: 'Is refused.' },
  },
});

export const Compression = { AUTO: 'auto', OFF: 'off', STRONGEST: 'strongest' } as const;
export type Compression = (typeof Compression)[keyof typeof Compression];
registerEnumType(Compression, {
  name: 'Compression',
  description: 'Of the data on its way.',
  valuesMap: {
    AUTO: { description: 'Where it pays, as strong as pays.' },
    OFF: { description: 'Never.' },
    STRONGEST: { description: 'The smallest output that the CPU allows.' },
  },
});

export const TrafficClass = { INTERACTIVE: 'interactive', BULK: 'bulk', SCAVENGER: 'scavenger' } as const;
export type TrafficClass = (typeof TrafficClass)[keyof typeof TrafficClass];
registerEnumType(TrafficClass, {
  name: 'TrafficClass',
  description: 'How connections compete inside a tunnel.',
  valuesMap: {
    INTERACTIVE: { description: 'Before all others.' },
    BULK: { description: 'The rest of the tunnel, by weight.' },
    SCAVENGER: { description: 'What others leave.' },
  },
});

export const WhenPeerDown = { PASS: 'pass', REFUSE: 'refuse' } as const;
export type WhenPeerDown = (typeof WhenPeerDown)[keyof typeof WhenPeerDown];
registerEnumType(WhenPeerDown, {
  name: 'WhenPeerDown',
  description: 'What becomes of new connections while the far agent cannot be reached.',
  valuesMap: {
    PASS: { description: 'They go straight to their destination.' },
    REFUSE: { description: 'They are refused.' },
  },
});

@ObjectType({ description: 'An inclusive range of TCP ports.' })
export class PortRange {
  @Field(() => Int, { description: '1 to 65535.' })
  from: number;

  @Field(() => Int, { description: '1 to 65535, not below `from`.' })
  to: number;
}

@InputType({ description: 'An inclusive range of TCP ports.' })
export class PortRangeInput {
  @Field(() => Int, { description: '1 to 65535.' })
  from: number;

  @Field(() => Int, { description: '1 to 65535, not below `from`.' })
  to: number;
}

@ObjectType({ description: 'An application that rules can name instead of its ports.' })
export class Application {
  @Field({ description: 'What a rule says.' })
  name: string;

  @Field({ description: 'What people read.' })
  title: string;

  @Field(() => [PortRange], { description: 'On which it is served.' })
  ports: PortRange[];
}

@ObjectType({
  description:
    'Which traffic: sites by id or by any of the labels, narrowed by address blocks. All empty means any.',
})
export class Selector {
  @Field(() => [ID], { description: 'Of sites.' })
  siteIds: string[];

  @Field(() => [String], { description: 'Sites that have any of these.' })
  labels: string[];

  @Field(() => [String], { description: 'Address blocks in CIDR form.' })
  prefixes: string[];
}

@InputType({
  description:
    'Which traffic: sites by id or by any of the labels, narrowed by address blocks. All empty means any.',
})
export class SelectorInput {
  @Field(() => [ID], { nullable: true, description: 'Of sites.' })
  siteIds?: string[] | null;

  @Field(() => [String], { nullable: true, description: 'Sites that have any of these.' })
  labels?: string[] | null;

  @Field(() => [String], { nullable: true, description: 'Address blocks such as 10.1.0.0/16.' })
  prefixes?: string[] | null;
}

@ObjectType({ description: 'One line of a policy.' })
export class PolicyRule {
  @Field(() => ID, { description: 'Stays the same over revisions; flows name it.' })
  id: string;

  @Field({ description: 'For people.' })
  name: string;

  @Field(() => Int, { description: 'The lowest is asked first; of equals, the one that stands first.' })
  priority: number;

  @Field({ description: 'Whether it counts.' })
  enabled: boolean;

  @Field(() => Selector, {
    description: 'Where connections come from; its sites are where the rule applies.',
  })
  source: Selector;

  @Field(() => Selector, { description: 'Where connections go to.' })
  destination: Selector;

  @Field(() => String, { nullable: true, description: 'Of the catalogue, instead of ports.' })
  application: string | null;

  @Field(() => [PortRange], { description: 'Empty: any, unless an application is named.' })
  ports: PortRange[];

  @Field(() => RuleAction, { description: 'What becomes of a connection that matches.' })
  action: RuleAction;

  @Field(() => Compression, { description: 'Of accelerated connections.' })
  compression: Compression;

  @Field(() => TrafficClass, { description: 'Of accelerated connections.' })
  class: TrafficClass;

  @Field(() => Int, { description: 'Share against others of the same class, 1 to 100.' })
  weight: number;

  @Field(() => WhenPeerDown, { description: 'Of accelerated connections.' })
  whenPeerDown: WhenPeerDown;
}

@InputType({ description: 'One line of a policy.' })
export class PolicyRuleInput {
  @Field(() => ID, { nullable: true, description: 'Of the rule as it was; made when left out.' })
  id?: string | null;

  @Field({ description: '1 to 100 characters.' })
  name: string;

  @Field(() => Int, { description: 'The lowest is asked first; of equals, the one that stands first.' })
  priority: number;

  @Field(() => Boolean, { nullable: true, description: 'Whether it counts; true unless given.' })
  enabled?: boolean | null;

  @Field(() => SelectorInput, {
    nullable: true,
    description: 'Where connections come from; any unless given.',
  })
  source?: SelectorInput | null;

  @Field(() => SelectorInput, { nullable: true, description: 'Where connections go to; any unless given.' })
  destination?: SelectorInput | null;

  @Field(() => String, { nullable: true, description: 'Of the catalogue; not together with ports.' })
  application?: string | null;

  @Field(() => [PortRangeInput], { nullable: true, description: 'At most 50; any unless given.' })
  ports?: PortRangeInput[] | null;

  @Field(() => RuleAction, { description: 'What becomes of a connection that matches.' })
  action: RuleAction;

  @Field(() => Compression, { nullable: true, description: 'AUTO unless given.' })
  compression?: Compression | null;

  @Field(() => TrafficClass, { nullable: true, description: 'BULK unless given.' })
  class?: TrafficClass | null;

  @Field(() => Int, { nullable: true, description: '1 to 100; 10 unless given.' })
  weight?: number | null;

  @Field(() => WhenPeerDown, { nullable: true, description: 'PASS unless given.' })
  whenPeerDown?: WhenPeerDown | null;
}

@ObjectType({ description: 'What a policy says.' })
export class PolicyDocument {
  @Field(() => [PolicyRule], { description: 'As they were written.' })
  rules: PolicyRule[];
}

@ObjectType({ description: 'A saved state of a policy; it never changes.' })
export class PolicyRevision {
  @Field(() => Int, { description: '1, 2, 3 …' })
  revision: number;

  @Field({ description: 'SHA-256 of the canonical document, hexadecimal.' })
  sha256: string;

  @Field({ description: 'Why, in words of the author.' })
  message: string;

  @Field({ description: 'Who saved it.' })
  author: string;

  @Field(() => GraphQLISODateTime, { description: 'When it was saved.' })
  createdAt: Date;
}

@ObjectType({ description: "The organization's policy." })
export class Policy {
  @Field(() => Int, { nullable: true, description: 'In force; null before the first.' })
  revision: number | null;

  @HideField()
  id: string;
}

@ObjectType({ description: 'How far one agent is with the policy.' })
export class AgentApplication {
  @HideField()
  agentId: string;

  @Field(() => Int, { nullable: true, description: 'That it shall conform to.' })
  desiredRevision: number | null;

  @Field(() => Int, { nullable: true, description: 'Newest that it conforms to.' })
  appliedRevision: number | null;

  @Field(() => ApplyOutcome, { nullable: true, description: 'Of the last state that it got.' })
  outcome: ApplyOutcome | null;

  @Field(() => String, { nullable: true, description: 'Why it rejected or reverted the state.' })
  error: string | null;
}

@InputType({ description: 'A new revision of the policy, as a whole.' })
export class SavePolicyInput {
  @Field(() => Int, {
    nullable: true,
    description:
      'The revision that the edit began with; null when there was none. Another one in force is a CONFLICT.',
  })
  expectedRevision?: number | null;

  @Field({ description: 'Why; at most 500 characters.' })
  message: string;

  @Field(() => [PolicyRuleInput], { description: 'All rules; at most 1000.' })
  rules: PolicyRuleInput[];
}
