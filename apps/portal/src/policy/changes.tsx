import { ArrowRight, Minus, MoveVertical, Pencil, Plus } from 'lucide-react';
import type { ReactNode } from 'react';
import { count } from '../lib/format.js';
import { classes, type Tone, toneText } from '../ui/classes.js';
import { ACTIONS, describeSelector, describeTraffic, type PolicyNames } from './describe.js';
import type { RuleChange } from './diff.js';

function head(change: RuleChange): { icon: typeof Plus; tone: Tone; word: string } {
  if (change.kind === 'added')
    return { icon: Plus, tone: 'good', word: `added as rule ${String(change.place)}` };
  if (change.kind === 'removed')
    return { icon: Minus, tone: 'bad', word: `removed, was rule ${String(change.place)}` };
  if (change.movedFrom === undefined)
    return { icon: Pencil, tone: 'warn', word: `rule ${String(change.place)} changed` };
  return {
    icon: MoveVertical,
    tone: 'accent',
    word: `moved from ${String(change.movedFrom)} to ${String(change.place)}`,
  };
}

function Change({ change, names }: { change: RuleChange; names: PolicyNames }): ReactNode {
  const { icon: Icon, tone, word } = head(change);
  const { rule } = change;
  return (
    <li className="border-b border-line py-2.5 last:border-b-0">
      <p className="flex items-start gap-2 text-sm">
        <Icon aria-hidden className={classes('mt-0.5 size-4 shrink-0', toneText[tone])} />
        <span>
          <strong className="font-semibold">{rule.name.trim() || 'Rule without a name'}</strong>{' '}
          <span className={toneText[tone]}>{word}</span>
        </span>
      </p>
      {change.kind === 'changed' ? (
        <dl className="mt-1 ml-6 space-y-0.5 text-xs">
          {change.fields.map(({ field, before, after }) => (
            <div key={field} className="flex flex-wrap items-baseline gap-x-1.5">
              <dt className="text-ink-3">{field}</dt>
              <dd className="flex flex-wrap items-baseline gap-x-1.5">
                <del className="rounded bg-bad-soft px-1 text-bad decoration-1">{before || 'nothing'}</del>
                <ArrowRight aria-label="becomes" className="size-3 self-center text-ink-3" />
                <ins className="rounded bg-good-soft px-1 text-good no-underline">{after || 'nothing'}</ins>
              </dd>
            </div>
          ))}
        </dl>
      ) : (
        <p className="mt-0.5 ml-6 text-xs text-ink-2">
          {ACTIONS[rule.action]} {describeTraffic(rule, names)} from {describeSelector(rule.source, names)} to{' '}
          {describeSelector(rule.destination, names)}
          {!rule.enabled && ', switched off'}
        </p>
      )}
    </li>
  );
}

/** Changes, each with what it was and what it becomes. */
export function Changes({
  changes,
  names,
}: {
  changes: readonly RuleChange[];
  names: PolicyNames;
}): ReactNode {
  if (changes.length === 0) return <p className="py-2 text-sm text-ink-2">No difference.</p>;
  return (
    <ul aria-label={count(changes.length, 'change')}>
      {changes.map((change) => (
        <Change key={change.rule.key} change={change} names={names} />
      ))}
    </ul>
  );
}
