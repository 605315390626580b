import { ArrowDown, ArrowUp, ChevronDown, Copy, ListOrdered, Plus, Trash2 } from 'lucide-react';
import { type Dispatch, type KeyboardEvent, type ReactNode } from 'react';
import type { RuleAction } from '../api/schema.js';
import { Button } from '../ui/button.js';
import { classes, type Tone } from '../ui/classes.js';
import { Switch } from '../ui/field.js';
import { Empty } from '../ui/panel.js';
import { Badge } from '../ui/status.js';
import {
  ACTIONS,
  describeSelector,
  describeTraffic,
  describeTreatment,
  type PolicyNames,
} from './describe.js';
import type { DraftAction, Rule } from './draft.js';
import { RuleForm } from './rule-form.js';
import type { Problem } from './validate.js';

const ACTION_TONES: Record<RuleAction, Tone> = { ACCELERATE: 'accent', PASS: 'neutral', DENY: 'bad' };

/** One rule in one or two lines. */
export function RuleSummary({ rule, names }: { rule: Rule; names: PolicyNames }): ReactNode {
  const treatment = describeTreatment(rule);
  return (
    <span className="block min-w-0 text-left">
      <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <span className={classes('text-sm font-semibold wrap-anywhere', !rule.enabled && 'text-ink-3')}>
          {rule.name.trim() || 'Rule without a name'}
        </span>
        <Badge tone={rule.enabled ? ACTION_TONES[rule.action] : 'neutral'}>{ACTIONS[rule.action]}</Badge>
        {!rule.enabled && <Badge tone="neutral">Off</Badge>}
      </span>
      <span className="mt-0.5 block text-xs text-ink-2">
        <span className={classes('font-medium', rule.enabled && 'text-ink')}>
          {describeTraffic(rule, names)}
        </span>{' '}
        from {describeSelector(rule.source, names)} to {describeSelector(rule.destination, names)}
      </span>
      {treatment !== '' && <span className="block text-xs text-ink-3">{treatment}</span>}
    </span>
  );
}

function RuleTools({
  rule,
  first,
  last,
  dispatch,
}: {
  rule: Rule;
  first: boolean;
  last: boolean;
  dispatch: Dispatch<DraftAction>;
}): ReactNode {
  const { key } = rule;
  const name = rule.name.trim() || 'rule';
  const tool = (label: string, Icon: typeof Copy, action: DraftAction, disabled = false): ReactNode => (
    <Button
      variant="ghost"
      small
      icon
      aria-label={`${label} ${name}`}
      title={label}
      disabled={disabled}
      onClick={() => {
        dispatch(action);
      }}
    >
      <Icon aria-hidden className="size-3.5" />
    </Button>
  );
  return (
    <span className="flex max-sm:w-full max-sm:pl-20">
      {tool('Move up', ArrowUp, { type: 'move', key, by: -1 }, first)}
      {tool('Move down', ArrowDown, { type: 'move', key, by: 1 }, last)}
      {tool('Duplicate', Copy, { type: 'duplicate', key })}
      {tool('Remove', Trash2, { type: 'remove', key })}
    </span>
  );
}

interface ListProps {
  rules: readonly Rule[];
  openKey: string | undefined;
  names: PolicyNames;
  problems: readonly Problem[];
  changedKeys: ReadonlySet<string>;
  readOnly: boolean;
  dispatch: Dispatch<DraftAction>;
}

function RuleItem({ rule, index, ...list }: ListProps & { rule: Rule; index: number }): ReactNode {
  const { rules, openKey, names, changedKeys, readOnly, dispatch } = list;
  const open = rule.key === openKey;
  const problems = list.problems.filter(({ key }) => key === rule.key);
  const onKeyDown = (event: KeyboardEvent): void => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!event.altKey || by === undefined || readOnly) return;
    event.preventDefault();
    dispatch({ type: 'move', key: rule.key, by: by === 1 ? 1 : -1 });
  };
  return (
    <li className="border-b border-line last:border-b-0" onKeyDown={onKeyDown}>
      <div
        className={classes(
          'flex flex-wrap items-start gap-x-3 gap-y-1 border-l-3 py-2.5 pr-2.5 pl-3',
          changedKeys.has(rule.key) ? 'border-l-warn' : 'border-l-transparent',
        )}
      >
        <span aria-hidden className="num w-5 pt-0.5 text-right text-xs text-ink-3">
          {index + 1}
        </span>
        <span className="pt-0.5">
          <Switch
            label={`${rule.name.trim() || 'Rule'} is enabled`}
            checked={rule.enabled}
            disabled={readOnly}
            onChange={(enabled) => {
              dispatch({ type: 'edit', key: rule.key, change: { enabled } });
            }}
          />
        </span>
        <button
          type="button"
          data-rule={rule.key}
          aria-expanded={open}
          disabled={readOnly}
          className="flex min-w-52 flex-1 items-start gap-2 rounded"
          onClick={() => {
            dispatch({ type: 'open', key: open ? undefined : rule.key });
          }}
        >
          <span className="min-w-0 flex-1">
            <RuleSummary rule={rule} names={names} />
            {problems.length > 0 && !open && (
              <span className="block text-left text-xs font-medium text-bad">
                {problems.map(({ message }) => message).join(' ')}
              </span>
            )}
          </span>
          {!readOnly && (
            <ChevronDown
              aria-hidden
              className={classes(
                'mt-0.5 size-4 shrink-0 text-ink-3 transition-transform',
                open && 'rotate-180',
              )}
            />
          )}
        </button>
        {!readOnly && (
          <RuleTools rule={rule} first={index === 0} last={index === rules.length - 1} dispatch={dispatch} />
        )}
      </div>
      {open && !readOnly && (
        <div className="arrive border-t border-line bg-bg">
          <RuleForm
            key={rule.key}
            rule={rule}
            names={names}
            problems={problems}
            onChange={(change) => {
              dispatch({ type: 'edit', key: rule.key, change });
            }}
          />
        </div>
      )}
    </li>
  );
}

/** The rules in the order in which they are tried, each with its form. */
export function RuleList(props: ListProps): ReactNode {
  const { rules, readOnly, dispatch } = props;
  const add = (
    <Button
      onClick={() => {
        dispatch({ type: 'add' });
      }}
    >
      <Plus aria-hidden className="size-4" />
      Add a rule
    </Button>
  );
  if (rules.length === 0) {
    return (
      <Empty icon={<ListOrdered className="size-5" />} title="No rule yet" action={!readOnly && add}>
        Without a rule nothing is accelerated and all traffic goes its ordinary way. Begin with one: all TCP
        between two sites.
      </Empty>
    );
  }
  return (
    <>
      <ol>
        {rules.map((rule, index) => (
          <RuleItem key={rule.key} {...props} rule={rule} index={index} />
        ))}
      </ol>
      {!readOnly && <div className="border-t border-line p-3">{add}</div>}
    </>
  );
}
