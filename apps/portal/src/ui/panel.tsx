import type { ReactNode } from 'react';
import { classes } from './classes.js';

/** A titled part of a page. */
export function Panel({
  id,
  title,
  hint,
  actions,
  children,
  flush = false,
  className,
}: {
  id: string;
  title: ReactNode;
  hint?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  /** Without padding, for tables that reach the edges. */
  flush?: boolean;
  className?: string;
}): ReactNode {
  return (
    <section
      aria-labelledby={`${id}-title`}
      className={classes('min-w-0 rounded-lg border border-line bg-surface', className)}
    >
      <header className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line px-4 py-2.5">
        <h2 id={`${id}-title`} className="text-sm font-semibold">
          {title}
        </h2>
        {hint !== undefined && <p className="text-xs text-ink-3">{hint}</p>}
        {actions !== undefined && <div className="ml-auto flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      <div className={flush ? '' : 'p-4'}>{children}</div>
    </section>
  );
}

/** The head of a page: what it is, in a sentence, and what can be done. */
export function PageHead({
  title,
  children,
  actions,
}: {
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
}): ReactNode {
  return (
    <div className="mb-4 flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
      <div className="min-w-0">
        <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
        {children !== undefined && <p className="mt-1 max-w-2xl text-sm text-ink-2">{children}</p>}
      </div>
      {actions}
    </div>
  );
}

/** What an empty list says: that it is empty, and what to do next. */
export function Empty({
  icon,
  title,
  children,
  action,
}: {
  icon: ReactNode;
  title: string;
  children: ReactNode;
  action?: ReactNode;
}): ReactNode {
  return (
    <div className="flex flex-col items-center gap-1.5 px-6 py-10 text-center">
      <span aria-hidden className="mb-1 rounded-full bg-sunken p-2.5 text-ink-3">
        {icon}
      </span>
      <p className="text-sm font-semibold">{title}</p>
      <p className="max-w-md text-sm text-ink-2">{children}</p>
      {action !== undefined && <div className="mt-3">{action}</div>}
    </div>
  );
}

/** Grey bars where something is being loaded. */
export function Loading({ rows = 3, label = 'Loading' }: { rows?: number; label?: string }): ReactNode {
  return (
    <div role="status" aria-label={label} className="space-y-2.5 p-4">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className="pulse-dot h-4 rounded bg-sunken" />
      ))}
    </div>
  );
}
