import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react';
import { classes } from './classes.js';

type Variant = 'primary' | 'default' | 'ghost' | 'danger';

const VARIANTS: Record<Variant, string> = {
  primary: 'bg-accent text-on-accent border-transparent hover:bg-accent-strong',
  default: 'bg-raised text-ink border-line-strong hover:bg-sunken',
  ghost: 'bg-transparent text-ink-2 border-transparent hover:bg-sunken hover:text-ink',
  danger: 'bg-raised text-bad border-line-strong hover:bg-bad-soft',
};

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  variant?: Variant;
  small?: boolean;
  /** Square, for an icon alone; give it an aria-label. */
  icon?: boolean;
  busy?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({
  variant = 'default',
  small = false,
  icon = false,
  busy = false,
  className,
  children,
  disabled,
  ...rest
}: ButtonProps): ReactNode {
  const size = small ? (icon ? 'size-7' : 'h-7 px-2.5 text-xs') : icon ? 'size-8.5' : 'h-8.5 px-3.5 text-sm';
  return (
    <button
      type="button"
      disabled={disabled === true || busy}
      aria-busy={busy || undefined}
      className={classes(
        'inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap select-none',
        'transition-colors disabled:cursor-not-allowed disabled:opacity-50',
        VARIANTS[variant],
        size,
        className,
      )}
      {...rest}
    >
      {children}
    </button>
  );
}
