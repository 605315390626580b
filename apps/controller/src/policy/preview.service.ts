import { policyRuleId } from '@longhaul/contracts';
import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../graphql/request-context.js';
import { TelemetryQueries } from '../telemetry/telemetry-queries.js';
import { ruleChanges } from './policy-changes.js';
import { canonicalJson } from './policy-document.js';
import { draftPolicy, EMPTY_DOCUMENT } from './policy-draft.js';
import { runPolicyTests } from './policy-tests.js';
import type { PolicyPreviewResult, PreviewPolicyInput } from './preview.model.js';
import { PolicyPreview } from './preview.js';

const MAX_EXAMINED = 1000;
const MAX_SHOWN = 100;

/** Says what saving a policy would do, and does nothing. */
@Injectable()
export class PreviewService {
  private readonly telemetry = new TelemetryQueries();

  /** @throws ApiError BAD_INPUT, NOT_FOUND */
  async preview(context: RequestContext, input: PreviewPolicyInput): Promise<PolicyPreviewResult> {
    const { organizationId } = context;
    const [draft, recent] = await context.read(async (tx) => [
      await draftPolicy(tx, organizationId, input),
      await this.telemetry.flows(tx, { organizationId, first: MAX_EXAMINED }),
    ]);
    const current = draft.current?.document ?? EMPTY_DOCUMENT;
    const preview = new PolicyPreview(draft.present, draft.next);
    const flows = preview.flowChanges(recent);
    const differs = (field: 'forwards' | 'tests'): boolean =>
      canonicalJson(current[field]) !== canonicalJson(draft.document[field]);
    return {
      changes: ruleChanges(current, draft.document),
      forwardsChanged: differs('forwards'),
      testsChanged: differs('tests'),
      agents: preview.agentChanges(),
      tests: runPolicyTests(draft.next).map(({ test, passed, actual }) => ({
        name: test.name,
        passed,
        expected: test.expect,
        actual,
      })),
      flowsExamined: recent.length,
      flowsChanged: flows.length,
      flows: flows.slice(0, MAX_SHOWN).map(({ flow, ...change }) => ({
        ...change,
        flow: { ...flow, ruleId: flow.ruleId && policyRuleId(flow.ruleId) },
      })),
    };
  }
}
