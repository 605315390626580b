import { BellPlus } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useMutation } from 'urql';
import { errorMessage } from '../api/client.js';
import type { AlertRule, SiteName } from '../api/schema.js';
import { useMay } from '../app/roles.js';
import { relative, useNow } from '../lib/time.js';
import { Button } from '../ui/button.js';
import { ConfirmButton } from '../ui/confirm-button.js';
import { Switch } from '../ui/field.js';
import { Empty, Panel } from '../ui/panel.js';
import { Badge, Notice } from '../ui/status.js';
import { Table, Td, Th } from '../ui/table.js';
import {
  DeleteAlertRuleMutation,
  SilenceAlertRuleMutation,
  UpdateAlertRuleMutation,
} from './alerts.documents.js';
import { describeTerms, KINDS, SEVERITIES } from './kinds.js';
import { RuleDialog } from './rule-dialog.js';
import { draftOf, newDraft, type RuleDraft } from './rule-draft.js';
import { SilenceButton } from './silence-button.js';

const scopeOf = ({ site, siteLabel }: AlertRule): string =>
  site?.name ?? (siteLabel === null ? 'All sites' : `Sites with ${siteLabel}`);

function Told({ rule: { webhooks, emails } }: { rule: AlertRule }): ReactNode {
  const names = [...webhooks.map(({ name }) => name), ...emails];
  if (names.length === 0) return <span className="text-ink-3">nobody</span>;
  return <span className="wrap-anywhere">{names.join(', ')}</span>;
}

interface RowActions {
  onEdit: () => void;
  onSwitch: (enabled: boolean) => void;
  onSilence: (until: Date | null) => void;
  onDelete: () => void;
}

function RuleRow({ rule, nowMs, ...actions }: { rule: AlertRule; nowMs: number } & RowActions): ReactNode {
  const mayChange = useMay('alerts:write');
  const { name: severity, tone } = SEVERITIES[rule.severity];
  const { silencedUntil } = rule;
  const isSilenced = silencedUntil !== null && Date.parse(silencedUntil) > nowMs;
  return (
    <tr>
      <Td>
        <Switch
          label={`Watch by ${rule.name}`}
          checked={rule.enabled}
          disabled={!mayChange}
          onChange={actions.onSwitch}
        />
      </Td>
      <Td className="min-w-48">
        <span className="font-medium wrap-anywhere">{rule.name}</span>
        <span className="block text-xs text-ink-3">
          {KINDS[rule.kind].name} {describeTerms(rule)}
          {isSilenced && ` · silenced, ends ${relative(new Date(silencedUntil), nowMs)}`}
        </span>
      </Td>
      <Td>
        <Badge tone={tone}>{severity}</Badge>
      </Td>
      <Td>{scopeOf(rule)}</Td>
      <Td>
        <Told rule={rule} />
      </Td>
      <Td right>
        <span className="inline-flex gap-2">
          <Button small disabled={!mayChange} aria-label={`Edit ${rule.name}`} onClick={actions.onEdit}>
            Edit
          </Button>
          <SilenceButton
            what={rule.name}
            silencedUntil={silencedUntil}
            disabled={!mayChange}
            onSilence={actions.onSilence}
          />
          <ConfirmButton
            label="Delete"
            what={rule.name}
            title="Delete this rule?"
            disabled={!mayChange}
            onConfirm={actions.onDelete}
          >
            Its alerts that fire are over then, and who was told of them is told that.
          </ConfirmButton>
        </span>
      </Td>
    </tr>
  );
}

/** When somebody is told of what. */
export function RulesPanel({
  rules,
  sites,
  onChanged,
}: {
  rules: readonly AlertRule[];
  sites: readonly SiteName[];
  onChanged: () => void;
}): ReactNode {
  const nowMs = useNow();
  const mayChange = useMay('alerts:write');
  const [, update] = useMutation(UpdateAlertRuleMutation);
  const [, silence] = useMutation(SilenceAlertRuleMutation);
  const [, remove] = useMutation(DeleteAlertRuleMutation);
  const [draft, setDraft] = useState<RuleDraft>();
  const [problem, setProblem] = useState<string>();
  const settle = ({ error }: { error?: Parameters<typeof errorMessage>[0] | undefined }): void => {
    setProblem(error && errorMessage(error));
    onChanged();
  };
  return (
    <Panel
      id="rules"
      title="Rules"
      actions={
        <Button
          small
          disabled={!mayChange}
          onClick={() => {
            setDraft(newDraft());
          }}
        >
          <BellPlus aria-hidden className="size-3.5" />
          Add a rule
        </Button>
      }
      flush
    >
      {problem !== undefined && (
        <div className="p-4">
          <Notice tone="bad" title="Not changed">
            {problem}
          </Notice>
        </div>
      )}
      {rules.length === 0 ? (
        <Empty icon={<BellPlus className="size-5" />} title="No rule watches">
          Add one: it says what is watched, from which value on, for how long, and who is told.
        </Empty>
      ) : (
        <Table
          label="Alert rules"
          head={
            <>
              <Th>On</Th>
              <Th>Rule</Th>
              <Th>Severity</Th>
              <Th>Sites</Th>
              <Th>Tells</Th>
              <Th right>
                <span className="sr-only">Actions</span>
              </Th>
            </>
          }
        >
          {rules.map((rule) => (
            <RuleRow
              key={rule.id}
              rule={rule}
              nowMs={nowMs}
              onEdit={() => {
                setDraft(draftOf(rule));
              }}
              onSwitch={(enabled) => {
                void update({ id: rule.id, input: { enabled } }).then(settle);
              }}
              onSilence={(until) => {
                void silence({ id: rule.id, until: until?.toISOString() ?? null }).then(settle);
              }}
              onDelete={() => {
                void remove({ id: rule.id }).then(settle);
              }}
            />
          ))}
        </Table>
      )}
      {draft !== undefined && (
        <RuleDialog
          draft={draft}
          sites={sites}
          knownWebhooks={rules.flatMap(({ webhooks }) => webhooks)}
          onChange={setDraft}
          onClose={() => {
            setDraft(undefined);
          }}
          onSaved={() => {
            setDraft(undefined);
            onChanged();
          }}
        />
      )}
    </Panel>
  );
}
