import { policyRuleId } from '@longhaul/contracts';
import { compileFleet, type DesiredContent } from './compile.js';
import { decide } from './decide.js';
import { canonicalJson } from './policy-document.js';
import type { TestedFleet } from './policy-tests.js';
import { assertFits } from './state-limits.js';

/** A connection of the past. */
export interface PastFlow {
  readonly agentId: string;
  readonly source: string;
  readonly destination: string;
  readonly destinationPort: number;
}

/** How one agent's desired state would change. */
export interface AgentChange {
  readonly agentId: string;
  /** Ids of the policy's rules, as the agent has them. */
  readonly rulesAdded: string[];
  readonly rulesRemoved: string[];
  readonly rulesChanged: string[];
  /** Whether the order of rules that stay differs. */
  readonly reordered: boolean;
  readonly forwardsChanged: boolean;
  /** Whether what other sites may have it open differs. */
  readonly allowChanged: boolean;
}

/** What a rule makes of a connection. */
export interface Handling {
  /** Null: no rule matches, the kernel keeps it. */
  readonly action: 'accelerate' | 'pass' | 'deny' | null;
  readonly ruleId: string | null;
}

/** A past connection that would be treated otherwise. */
export interface FlowChange<Flow extends PastFlow> {
  readonly flow: Flow;
  readonly before: Handling;
  readonly after: Handling;
}

/** Both states of all agents, compiled; who peers are does not depend on policies. */
export class PolicyPreview {
  private readonly before: ReadonlyMap<string, DesiredContent>;
  private readonly after: ReadonlyMap<string, DesiredContent>;

  /** @throws ApiError BAD_INPUT for more than an agent accepts */
  constructor(present: TestedFleet, next: TestedFleet) {
    const compiled = (fleet: TestedFleet): Map<string, DesiredContent> =>
      new Map(compileFleet({ ...fleet, links: [], presharedKeys: new Map() }));
    this.before = compiled(present);
    this.after = compiled(next);
    for (const content of this.after.values()) assertFits(next, content);
  }

  /** Agents that would get a new desired state. */
  agentChanges(): AgentChange[] {
    return [...this.after].flatMap(([agentId, after]) => {
      const before = this.before.get(agentId);
      return before === undefined || canonicalJson(before) === canonicalJson(after)
        ? []
        : [compare(before, after)];
    });
  }

  /** Those of the given connections that another rule would decide over, or otherwise. */
  flowChanges<Flow extends PastFlow>(flows: readonly Flow[]): FlowChange<Flow>[] {
    return flows.flatMap((flow) => {
      const before = handlingOf(this.before.get(flow.agentId), flow);
      const after = handlingOf(this.after.get(flow.agentId), flow);
      const same = before.action === after.action && before.ruleId === after.ruleId;
      return same ? [] : [{ flow, before, after }];
    });
  }
}

const handlingOf = (content: DesiredContent | undefined, flow: PastFlow): Handling => {
  const rule = decide(content?.rules ?? [], {
    source: flow.source,
    destination: flow.destination,
    port: flow.destinationPort,
  });
  return rule === undefined
    ? { action: null, ruleId: null }
    : { action: rule.action, ruleId: policyRuleId(rule.id) };
};

const compare = (before: DesiredContent, after: DesiredContent): AgentChange => {
  const old = rulesById(before);
  const now = rulesById(after);
  const kept = [...now.keys()].filter((id) => old.has(id));
  return {
    agentId: after.agentId,
    rulesAdded: [...now.keys()].filter((id) => !old.has(id)),
    rulesRemoved: [...old.keys()].filter((id) => !now.has(id)),
    rulesChanged: kept.filter((id) => old.get(id) !== now.get(id)),
    reordered: kept.join() !== [...old.keys()].filter((id) => now.has(id)).join(),
    forwardsChanged: canonicalJson(before.forwards) !== canonicalJson(after.forwards),
    allowChanged: canonicalJson(before.allow) !== canonicalJson(after.allow),
  };
};

/** What the policy's rules became at one agent, as text that tells a change. */
const rulesById = ({ rules }: DesiredContent): Map<string, string> => {
  const texts = new Map<string, string>();
  for (const rule of rules) {
    const id = policyRuleId(rule.id);
    texts.set(id, (texts.get(id) ?? '') + canonicalJson(rule));
  }
  return texts;
};
