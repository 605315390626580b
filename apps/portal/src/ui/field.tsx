import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId } from 'react';
import { classes } from './classes.js';

const CONTROL =
  'h-8.5 w-full min-w-0 rounded-md border border-line-strong bg-surface px-2.5 text-sm text-ink placeholder:text-ink-3 ' +
  'disabled:cursor-not-allowed disabled:bg-sunken disabled:text-ink-3 aria-invalid:border-bad';

interface FieldText {
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  /** Names the control for assistive technology only. */
  labelHidden?: boolean;
}

/** Names, explains and, where it must, corrects one control. */
function Frame({
  id,
  label,
  hint,
  error,
  labelHidden = false,
  className,
  children,
}: FieldText & { id: string; className?: string | undefined; children: ReactNode }): ReactNode {
  return (
    <div className={classes('min-w-0', className)}>
      <label htmlFor={id} className={labelHidden ? 'sr-only' : 'mb-1 block text-xs font-medium text-ink-2'}>
        {label}
      </label>
      {children}
      {(error ?? hint) !== undefined && (
        <p
          id={`${id}-note`}
          className={classes('mt-1 text-xs', error === undefined ? 'text-ink-3' : 'font-medium text-bad')}
        >
          {error ?? hint}
        </p>
      )}
    </div>
  );
}

const described = (
  id: string,
  { hint, error }: FieldText,
): { 'aria-describedby'?: string; 'aria-invalid'?: true } => ({
  ...((error ?? hint) !== undefined && { 'aria-describedby': `${id}-note` }),
  ...(error !== undefined && { 'aria-invalid': true as const }),
});

export function TextField({
  label,
  hint,
  error,
  labelHidden,
  className,
  mono = false,
  ...input
}: FieldText & { className?: string; mono?: boolean } & InputHTMLAttributes<HTMLInputElement>): ReactNode {
  const id = useId();
  return (
    <Frame id={id} {...{ label, hint, error, className }} {...(labelHidden && { labelHidden })}>
      <input
        id={id}
        className={classes(CONTROL, mono && 'font-mono text-xs')}
        autoComplete="off"
        spellCheck={false}
        {...described(id, { label, hint, error })}
        {...input}
      />
    </Frame>
  );
}

export interface Choice<Value extends string> {
  value: Value;
  label: string;
  group?: string;
}

export function SelectField<Value extends string>({
  label,
  hint,
  error,
  labelHidden,
  className,
  choices,
  onChoose,
  ...select
}: FieldText & {
  className?: string;
  choices: readonly Choice<Value>[];
  onChoose: (value: Value) => void;
} & Omit<SelectHTMLAttributes<HTMLSelectElement>, 'onChange'>): ReactNode {
  const id = useId();
  const groups = [...new Set(choices.map(({ group }) => group))];
  const options = (group: string | undefined): ReactNode =>
    choices
      .filter((choice) => choice.group === group)
      .map((choice) => (
        <option key={choice.value} value={choice.value}>
          {choice.label}
        </option>
      ));
  return (
    <Frame id={id} {...{ label, hint, error, className }} {...(labelHidden && { labelHidden })}>
      <select
        id={id}
        className={classes(CONTROL, 'pr-1')}
        {...described(id, { label, hint, error })}
        {...select}
        onChange={(event) => {
          const chosen = choices.find(({ value }) => value === event.target.value);
          if (chosen) onChoose(chosen.value);
        }}
      >
        {groups.map((group) =>
          group === undefined ? (
            options(group)
          ) : (
            <optgroup key={group} label={group}>
              {options(group)}
            </optgroup>
          ),
        )}
      </select>
    </Frame>
  );
}

export function Checkbox({
  label,
  hint,
  ...input
}: { label: ReactNode; hint?: string } & InputHTMLAttributes<HTMLInputElement>): ReactNode {
  const id = useId();
  return (
    <div className="flex items-start gap-2">
      <input
        id={id}
        type="checkbox"
        className="mt-0.5 size-4 shrink-0 accent-(--accent)"
        aria-describedby={hint === undefined ? undefined : `${id}-note`}
        {...input}
      />
      <div>
        <label htmlFor={id} className="text-sm">
          {label}
        </label>
        {hint !== undefined && (
          <p id={`${id}-note`} className="text-xs text-ink-3">
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}

/** On or off, at once. */
export function Switch({
  label,
  checked,
  onChange,
  disabled = false,
}: {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
}): ReactNode {
  return (
    <button
      type="button"
      role="switch"
      aria-checked={checked}
      aria-label={label}
      disabled={disabled}
      onClick={() => {
        onChange(!checked);
      }}
      className={classes(
        'inline-flex h-5 w-9 shrink-0 items-center rounded-full border p-0.5 transition-colors disabled:cursor-not-allowed disabled:opacity-50',
        checked ? 'border-transparent bg-accent' : 'border-line-strong bg-sunken',
      )}
    >
      <span
        aria-hidden
        className={classes(
          'size-3.5 rounded-full transition-transform',
          checked ? 'translate-x-4 bg-on-accent' : 'bg-ink-3',
        )}
      />
    </button>
  );
}

/** One of a few, all in sight. */
export function Segmented<Value extends string>({
  label,
  value,
  choices,
  onChoose,
}: {
  label: string;
  value: Value;
  choices: readonly Choice<Value>[];
  onChoose: (value: Value) => void;
}): ReactNode {
  const name = useId();
  return (
    <fieldset className="inline-flex max-w-full flex-wrap rounded-md border border-line bg-sunken p-0.5">
      <legend className="sr-only">{label}</legend>
      {choices.map((choice) => (
        <label
          key={choice.value}
          className={classes(
            'relative inline-flex min-h-6 cursor-pointer items-center rounded-[0.3rem] px-2 text-xs font-medium',
            'has-focus-visible:outline-2 has-focus-visible:outline-offset-1 has-focus-visible:outline-accent',
            choice.value === value
              ? 'bg-raised text-ink shadow-[0_1px_2px_var(--shadow)]'
              : 'text-ink-2 hover:text-ink',
          )}
        >
          <input
            type="radio"
            name={name}
            className="absolute inset-0 cursor-pointer opacity-0"
            checked={choice.value === value}
            onChange={() => {
              onChoose(choice.value);
            }}
          />
          {choice.label}
        </label>
      ))}
    </fieldset>
  );
}
