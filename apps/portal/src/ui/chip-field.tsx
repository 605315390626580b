import { X } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useId, useState } from 'react';
import { classes } from './classes.js';

/** A set of short texts: Enter, comma or space adds one, Backspace in the empty field takes the last away. */
export function ChipField({
  label,
  hint,
  values,
  onChange,
  suggestions = [],
  normalize = (text) => text,
  problem = () => undefined,
  placeholder,
  disabled = false,
  mono = false,
  whole = false,
  className,
}: {
  label: string;
  hint?: string;
  values: readonly string[];
  onChange: (values: string[]) => void;
  suggestions?: readonly string[];
  /** Brings what was typed into its full form. */
  normalize?: (text: string) => string;
  /** What is wrong with a text, if anything; a wrong one stays in sight, marked, for whoever saves to refuse. */
  problem?: (text: string) => string | undefined;
  placeholder?: string;
  disabled?: boolean;
  mono?: boolean;
  /** Texts hold spaces, so that only Enter or leaving the field adds one. */
  whole?: boolean;
  className?: string;
}): ReactNode {
  const id = useId();
  const [typed, setTyped] = useState('');
  const error = values.map(problem).find((message) => message !== undefined);

  const add = (text: string): void => {
    const items = (whole ? [text.trim()] : text.split(/[\s,]+/)).filter(Boolean).map(normalize);
    onChange([...new Set([...values, ...items])]);
    setTyped('');
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    const ends = whole ? ['Enter'] : ['Enter', ',', ' '];
    if (ends.includes(event.key) && typed.trim() !== '') {
      event.preventDefault();
      add(typed);
    } else if (event.key === 'Backspace' && typed === '' && values.length > 0) {
      onChange(values.slice(0, -1));
    }
  };
  return (
    <div className={classes('min-w-0', className)}>
      <label htmlFor={id} className="mb-1 block text-xs font-medium text-ink-2">
        {label}
      </label>
      <div
        className={classes(
          'flex min-h-8.5 flex-wrap items-center gap-1 rounded-md border bg-surface px-1.5 py-1',
          'has-[input:focus-visible]:outline-2 has-[input:focus-visible]:outline-offset-2 has-[input:focus-visible]:outline-accent',
          error === undefined ? 'border-line-strong' : 'border-bad',
        )}
      >
        {values.map((value) => (
          <span
            key={value}
            className={classes(
              'inline-flex items-center gap-0.5 rounded py-0.5 pr-0.5 pl-1.5 text-xs',
              problem(value) === undefined ? 'bg-sunken text-ink' : 'bg-bad-soft text-bad',
              mono && 'font-mono',
            )}
          >
            {value}
            <button
              type="button"
              disabled={disabled}
              aria-label={`Remove ${value} from ${label}`}
              className="rounded p-0.5 text-current hover:text-ink"
              onClick={() => {
                onChange(values.filter((each) => each !== value));
              }}
            >
              <X aria-hidden className="size-3" />
            </button>
          </span>
        ))}
        <input
          id={id}
          list={`${id}-suggestions`}
          value={typed}
          disabled={disabled}
          placeholder={values.length === 0 ? placeholder : undefined}
          autoComplete="off"
          spellCheck={false}
          aria-invalid={error !== undefined || undefined}
          aria-describedby={`${id}-note`}
          className={classes(
            'h-6 min-w-24 flex-1 bg-transparent px-1 text-sm outline-none placeholder:text-ink-3',
            mono && 'font-mono text-xs',
          )}
          onChange={(event) => {
            const text = event.target.value;
            setTyped(text);
            // Chosen from the list of suggestions rather than typed.
            if (
              suggestions.includes(text) &&
              !(event.nativeEvent instanceof InputEvent && event.nativeEvent.inputType === 'insertText')
            )
              add(text);
          }}
          onKeyDown={onKeyDown}
          onBlur={() => {
            if (typed.trim() !== '') add(typed);
          }}
        />
        <datalist id={`${id}-suggestions`}>
          {suggestions
            .filter((suggestion) => !values.includes(suggestion))
            .map((suggestion) => (
              <option key={suggestion} value={suggestion} />
            ))}
        </datalist>
      </div>
      <p
        id={`${id}-note`}
        className={classes(
          'mt-1 text-xs empty:hidden',
          error === undefined ? 'text-ink-3' : 'font-medium text-bad',
        )}
      >
        {error ?? hint}
      </p>
    </div>
  );
}
