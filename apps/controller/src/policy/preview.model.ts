import { Field, HideField, ID, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { Flow } from '../fleet/flow.model.js';
import { PolicyForwardInput, PolicyTestInput, TestExpectation } from './policy-lines.model.js';
import { PolicyTargetInput } from './policy-scope.model.js';
import { PolicyRuleInput } from './policy.model.js';
import { RuleAction } from './rule-enums.js';

export const RuleChangeKind = {
  ADDED: 'ADDED',
  REMOVED: 'REMOVED',
  CHANGED: 'CHANGED',
  MOVED: 'MOVED',
} as const;
export type RuleChangeKind = (typeof RuleChangeKind)[keyof typeof RuleChangeKind];
registerEnumType(RuleChangeKind, {
  name: 'RuleChangeKind',
  description: 'What becomes of a rule.',
  valuesMap: {
    ADDED: { description: 'It is new.' },
    REMOVED: { description: 'It goes.' },
    CHANGED: { description: 'It says something else.' },
    MOVED: { description: 'It stands at another place.' },
  },
});

@InputType({ description: 'What a policy would be.' })
export class PreviewPolicyInput {
  @Field(() => PolicyTargetInput, { nullable: true, description: "The organization's unless given." })
  target?: PolicyTargetInput | null;

  @Field(() => [PolicyRuleInput], { description: 'All rules; at most 1000.' })
  rules: PolicyRuleInput[];

  @Field(() => [PolicyForwardInput], {
    nullable: true,
    description: 'All forwards; as they are unless given.',
  })
  forwards?: PolicyForwardInput[] | null;

  @Field(() => [PolicyTestInput], { nullable: true, description: 'All tests; as they are unless given.' })
  tests?: PolicyTestInput[] | null;
}

@ObjectType({ description: 'What would become of one rule.' })
export class RuleChange {
  @Field(() => RuleChangeKind, { description: 'What becomes of it.' })
  kind: RuleChangeKind;

  @Field(() => ID, { description: 'Of the rule.' })
  ruleId: string;

  @Field({ description: 'Of the rule, as it would be called.' })
  name: string;

  @Field(() => [String], { description: 'Of a changed rule: the fields that differ.' })
  fields: string[];
}

@ObjectType({ description: "How one agent's desired state would change." })
export class AgentChange {
  @HideField()
  agentId: string;

  @Field(() => [ID], { description: 'Rules that it would get.' })
  rulesAdded: string[];

  @Field(() => [ID], { description: 'Rules that it would lose.' })
  rulesRemoved: string[];

  @Field(() => [ID], { description: 'Rules that would mean something else at it.' })
  rulesChanged: string[];

  @Field({ description: 'Whether the order of the rules that stay would differ.' })
  reordered: boolean;

  @Field({ description: 'Whether it would forward other ports.' })
  forwardsChanged: boolean;

  @Field({ description: 'Whether other sites might have it open other connections.' })
  allowChanged: boolean;
}

@ObjectType({ description: 'What a rule makes of a connection.' })
export class FlowHandling {
  @Field(() => RuleAction, { nullable: true, description: 'Null: no rule matches.' })
  action: RuleAction | null;

  @Field(() => ID, { nullable: true, description: 'The rule that decides; null: none does.' })
  ruleId: string | null;
}

@ObjectType({ description: 'A recent connection that would be treated otherwise.' })
export class FlowChange {
  @Field(() => Flow, { description: 'As it was.' })
  flow: Flow;

  @Field(() => FlowHandling, { description: 'By what is in force.' })
  before: FlowHandling;

  @Field(() => FlowHandling, { description: 'By what would be.' })
  after: FlowHandling;
}

@ObjectType({ description: 'What became of one policy test.' })
export class PolicyTestOutcome {
  @Field({ description: 'Of the test.' })
  name: string;

  @Field({ description: 'Whether it holds.' })
  passed: boolean;

  @Field(() => TestExpectation, { description: 'What has to become of the connection.' })
  expected: TestExpectation;

  @Field({ description: 'What would become of it, in words.' })
  actual: string;
}

@ObjectType({ description: 'What saving a policy would do.' })
export class PolicyPreviewResult {
  @Field(() => [RuleChange], { description: 'Rule by rule, in their new order, then what goes.' })
  changes: RuleChange[];

  @Field({ description: 'Whether forwards differ.' })
  forwardsChanged: boolean;

  @Field({ description: 'Whether policy tests differ.' })
  testsChanged: boolean;

  @Field(() => [AgentChange], { description: 'Agents that would get a new desired state.' })
  agents: AgentChange[];

  @Field(() => [PolicyTestOutcome], { description: 'Of all policies; one that fails blocks the change.' })
  tests: PolicyTestOutcome[];

  @Field(() => Int, { description: 'Recent connections that were looked at: the newest, at most 1000.' })
  flowsExamined: number;

  @Field(() => Int, { description: 'Of them, those that would be treated otherwise.' })
  flowsChanged: number;

  @Field(() => [FlowChange], { description: 'The newest of those; at most 100.' })
  flows: FlowChange[];
}
