import { type FormEvent, type ReactNode, useState } from 'react';
import { useMutation } from 'urql';
import { errorMessage } from '../api/client.js';
import type { SiteName, WebhookName } from '../api/schema.js';
import { useAllPages } from '../api/use-all-pages.js';
import { useMay } from '../app/roles.js';
import { Button } from '../ui/button.js';
import { ChipField } from '../ui/chip-field.js';
import { Dialog } from '../ui/dialog.js';
import { Checkbox, type Choice, SelectField, TextField } from '../ui/field.js';
import { Notice } from '../ui/status.js';
import { CreateAlertRuleMutation, UpdateAlertRuleMutation, WEBHOOKS } from './alerts.documents.js';
import { choicesOf, KINDS, SEVERITIES } from './kinds.js';
import {
  type DraftProblems,
  emailProblem,
  problemsOf,
  type RuleDraft,
  settingsOf,
  withKind,
} from './rule-draft.js';

interface FormProps {
  draft: RuleDraft;
  problems: DraftProblems;
  onChange: (draft: RuleDraft) => void;
}

type NumberField = 'threshold' | 'clearThreshold' | 'forMinutes' | 'clearForMinutes' | 'repeatHours';

function Quantity({
  field,
  label,
  hint,
  draft,
  problems,
  onChange,
}: FormProps & { field: NumberField; label: string; hint?: string }): ReactNode {
  const value = draft[field];
  return (
    <TextField
      label={label}
      type="number"
      min={0}
      step="any"
      hint={hint}
      error={problems[field]}
      value={Number.isNaN(value) ? '' : value}
      onChange={({ target }) => {
        onChange({ ...draft, [field]: target.valueAsNumber });
      }}
    />
  );
}

const ALL_SITES = ':all';
const BY_LABEL = ':label';

function ScopeFields({
  draft,
  sites,
  onChange,
}: Omit<FormProps, 'problems'> & { sites: readonly SiteName[] }): ReactNode {
  const [byLabel, setByLabel] = useState(draft.siteLabel !== '');
  const choices: Choice<string>[] = [
    { value: ALL_SITES, label: 'All sites' },
    { value: BY_LABEL, label: 'Sites with a label' },
    ...sites.map(({ id, name }) => ({ value: id, label: name, group: 'One site' })),
  ];
  return (
    <>
      <SelectField
        label="Sites"
        value={byLabel ? BY_LABEL : draft.siteId === '' ? ALL_SITES : draft.siteId}
        choices={choices}
        onChoose={(value) => {
          setByLabel(value === BY_LABEL);
          onChange({
            ...draft,
            siteLabel: '',
            siteId: value === ALL_SITES || value === BY_LABEL ? '' : value,
          });
        }}
      />
      {byLabel && (
        <TextField
          label="Label"
          required
          value={draft.siteLabel}
          onChange={({ target }) => {
            onChange({ ...draft, siteLabel: target.value.trim() });
          }}
        />
      )}
    </>
  );
}

function ThresholdFields(props: FormProps): ReactNode {
  const { unit } = KINDS[props.draft.kind];
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      {unit !== undefined && (
        <>
          <Quantity {...props} field="threshold" label={`Fires at, ${unit}`} hint="This or more." />
          <Quantity
            {...props}
            field="clearThreshold"
            label={`Over at, ${unit}`}
            hint="This or less; between the two nothing changes."
          />
        </>
      )}
      <Quantity {...props} field="forMinutes" label="When it has lasted, minutes" />
      <Quantity {...props} field="clearForMinutes" label="Over when it was away, minutes" />
    </div>
  );
}

function TargetFields({
  draft,
  problems,
  webhooks,
  onChange,
}: FormProps & { webhooks: readonly WebhookName[] }): ReactNode {
  return (
    <div className="space-y-4">
      {webhooks.length > 0 && (
        <fieldset className="space-y-1.5">
          <legend className="mb-1 text-xs font-medium text-ink-2">Webhooks</legend>
          {webhooks.map(({ id, name, enabled }) => (
            <Checkbox
              key={id}
              label={enabled ? name : `${name} (switched off)`}
              checked={draft.webhookIds.includes(id)}
              onChange={({ target }) => {
                const others = draft.webhookIds.filter((each) => each !== id);
                onChange({ ...draft, webhookIds: target.checked ? [...others, id] : others });
              }}
            />
          ))}
        </fieldset>
      )}
      <ChipField
        label="E-mail to"
        hint="One address after another; the controller needs a mail server."
        values={draft.emails}
        problem={emailProblem}
        placeholder="noc@example.com"
        onChange={(emails) => {
          onChange({ ...draft, emails });
        }}
      />
      <Quantity
        field="repeatHours"
        label="Tell again every, hours"
        hint="Until somebody acknowledges it; empty: once."
        {...{ draft, problems, onChange }}
      />
    </div>
  );
}

const uniqueById = (webhooks: readonly WebhookName[]): WebhookName[] => [
  ...new Map(webhooks.map((webhook) => [webhook.id, webhook])).values(),
];

/** For those who may see all webhooks. */
function AllWebhooks({ children }: { children: (webhooks: readonly WebhookName[]) => ReactNode }): ReactNode {
  const [webhooks] = useAllPages(WEBHOOKS);
  return children(webhooks.items ?? []);
}

/** Makes a rule, or changes one. */
export function RuleDialog({
  draft,
  sites,
  knownWebhooks,
  onChange,
  onClose,
  onSaved,
}: {
  draft: RuleDraft;
  sites: readonly SiteName[];
  /** Of the rules that are there, for who may not see all. */
  knownWebhooks: readonly WebhookName[];
  onChange: (draft: RuleDraft) => void;
  onClose: () => void;
  onSaved: () => void;
}): ReactNode {
  const mayWebhooks = useMay('webhooks:write');
  const [, create] = useMutation(CreateAlertRuleMutation);
  const [, update] = useMutation(UpdateAlertRuleMutation);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string>();
  const found = problemsOf(draft);
  const problems = tried ? found : {};
  const form = { draft, problems, onChange };
  const save = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(found).length > 0) return;
    setBusy(true);
    const settings = settingsOf(draft);
    const name = draft.name.trim();
    const { error } =
      draft.id === undefined
        ? await create({ input: { ...settings, name, kind: draft.kind } })
        : await update({ id: draft.id, input: { ...settings, name } });
    setBusy(false);
    setRefusal(error && errorMessage(error));
    if (error === undefined) onSaved();
  };
  const targets = (webhooks: readonly WebhookName[]): ReactNode => (
    <TargetFields {...form} webhooks={uniqueById([...webhooks, ...knownWebhooks])} />
  );
  return (
    <Dialog
      open
      onClose={onClose}
      title={draft.id === undefined ? 'New rule' : 'Rule'}
      description={KINDS[draft.kind].hint}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" form="alert-rule" busy={busy}>
            Save the rule
          </Button>
        </>
      }
    >
      <form
        id="alert-rule"
        noValidate
        className="space-y-5"
        onSubmit={(event) => {
          void save(event);
        }}
      >
        {refusal !== undefined && (
          <Notice tone="bad" title="Not saved">
            {refusal}
          </Notice>
        )}
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            label="Name"
            required
            autoFocus={draft.id === undefined}
            maxLength={100}
            error={problems.name}
            value={draft.name}
            onChange={({ target }) => {
              onChange({ ...draft, name: target.value });
            }}
          />
          <SelectField
            label="Watches"
            disabled={draft.id !== undefined}
            value={draft.kind}
            choices={choicesOf(KINDS)}
            onChoose={(kind) => {
              onChange(withKind(draft, kind));
            }}
          />
          <SelectField
            label="Severity"
            value={draft.severity}
            choices={choicesOf(SEVERITIES)}
            onChoose={(severity) => {
              onChange({ ...draft, severity });
            }}
          />
          <ScopeFields draft={draft} sites={sites} onChange={onChange} />
        </div>
        <ThresholdFields {...form} />
        {mayWebhooks ? <AllWebhooks>{targets}</AllWebhooks> : targets([])}
      </form>
    </Dialog>
  );
}
