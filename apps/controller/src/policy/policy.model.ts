import { Field, Float, GraphQLISODateTime, HideField, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { ApplyOutcome, PolicyScope } from '../generated/prisma/enums.js';
import { countedConnectionOf } from '../graphql/page.model.js';
import { PolicyForward, PolicyForwardInput, PolicyTest, PolicyTestInput } from './policy-lines.model.js';
import { PolicyTargetInput } from './policy-scope.model.js';
import { RolloutInput } from './rollout.model.js';
import { Compression, RuleAction, TrafficClass, WhenPeerDown } from './rule-enums.js';
import { TreatmentInput } from './treatment.model.js';

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

  @Field(() => Float, {
    nullable: true,
    description:
      "Most that its connections carry together, each way, of the application's bytes, in Mbit/s, at each agent where they begin; null: no limit.",
  })
  rateLimitMbps: number | null;
}

@InputType({ description: 'One line of a policy.' })
export class PolicyRuleInput extends TreatmentInput {
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
}

@ObjectType({ description: 'What a policy says.' })
export class PolicyDocument {
  @Field(() => [PolicyRule], { description: 'As they were written.' })
  rules: PolicyRule[];

  @Field(() => [PolicyForward], { description: 'As they were written.' })
  forwards: PolicyForward[];

  @Field(() => [PolicyTest], { description: 'Each has to hold for every revision that is saved.' })
  tests: PolicyTest[];
}

@ObjectType({ description: 'A saved state of a policy; it never changes.' })
export class PolicyRevision {
  @Field(() => Int, { description: '1, 2, 3 …, counted over all policies of the organization.' })
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

@ObjectType({ description: 'A page of revisions, the newest first.' })
export class PolicyRevisionConnection extends countedConnectionOf(PolicyRevision) {}

@ObjectType({ description: 'The policy of the organization, of a site group or of a site.' })
export class Policy {
  @Field(() => PolicyScope, { description: 'For which sites it is.' })
  scope: PolicyScope;

  @Field(() => String, { nullable: true, description: 'Of the site group; null for other scopes.' })
  label: string | null;

  @Field(() => ID, { nullable: true, description: 'Of the site; null for other scopes.' })
  siteId: string | null;

  @Field(() => Int, { nullable: true, description: 'In force; null before the first.' })
  revision: number | null;

  @HideField()
  id: string;
}

@ObjectType({ description: 'A page of policies: the organization’s, those of site groups, those of sites.' })
export class PolicyConnection extends countedConnectionOf(Policy) {}

@InputType({ description: 'Which policies; all that is given has to hold.' })
export class PolicyFilter {
  @Field(() => PolicyScope, { nullable: true, description: 'For which sites it is.' })
  scope?: PolicyScope | null;
}

@ObjectType({ description: 'One rule as a site has it, and where it comes from.' })
export class EffectiveRule {
  @Field(() => PolicyRule, { description: 'The rule.' })
  rule: PolicyRule;

  @Field(() => PolicyScope, { description: 'Of the policy that it stands in.' })
  scope: PolicyScope;

  @Field(() => String, { nullable: true, description: "Of the policy's site group." })
  label: string | null;

  @Field(() => ID, { nullable: true, description: "Of the policy's site." })
  siteId: string | null;

  @Field(() => Int, { description: 'Of the policy, in force.' })
  revision: number;
}

@ObjectType({ description: 'What is in force at one site, inherited lines included.' })
export class EffectivePolicy {
  @Field(() => Int, { nullable: true, description: 'The newest revision in it; null when there is none.' })
  revision: number | null;

  @Field(() => [EffectiveRule], {
    description: 'Enabled rules in the order in which they are asked: the first that matches decides.',
  })
  rules: EffectiveRule[];

  @Field(() => [PolicyForward], { description: 'That the agents of the site listen for.' })
  forwards: PolicyForward[];
}

@InputType({ description: 'An earlier revision to go back to.' })
export class RollbackPolicyInput {
  @Field(() => Int, { description: 'Whose document is saved again, as a new revision of its policy.' })
  revision: number;

  @Field(() => Int, {
    nullable: true,
    description: 'The revision that is in force; another one in force is a CONFLICT.',
  })
  expectedRevision?: number | null;

  @Field({ description: 'Why; at most 500 characters.' })
  message: string;

  @Field(() => RolloutInput, { nullable: true, description: 'In stages; all sites at once unless given.' })
  rollout?: RolloutInput | null;
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

@ObjectType({ description: 'A page of agents and how far they are, by host name.' })
export class AgentApplicationConnection extends countedConnectionOf(AgentApplication) {}

@InputType({ description: 'A new revision of the policy, as a whole.' })
export class SavePolicyInput {
  @Field(() => PolicyTargetInput, { nullable: true, description: "The organization's unless given." })
  target?: PolicyTargetInput | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'The revision that the edit began with; null when there was none. Another one in force is a CONFLICT.',
  })
  expectedRevision?: number | null;

  @Field({ description: 'Why; at most 500 characters.' })
  message: string;

  @Field(() => RolloutInput, { nullable: true, description: 'In stages; all sites at once unless given.' })
  rollout?: RolloutInput | null;

  @Field(() => [PolicyRuleInput], { description: 'All rules; at most 1000.' })
  rules: PolicyRuleInput[];

  @Field(() => [PolicyForwardInput], {
    nullable: true,
    description: 'All forwards, at most 200; left as they are unless given.',
  })
  forwards?: PolicyForwardInput[] | null;

  @Field(() => [PolicyTestInput], {
    nullable: true,
    description: 'All tests, at most 500; left as they are unless given.',
  })
  tests?: PolicyTestInput[] | null;
}
