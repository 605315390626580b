import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { classes, type Tone, toneSoft, toneText } from './classes.js';

/** A word with a coloured ground. The word says it; the colour only helps. */
export function Badge({ tone, children }: { tone: Tone; children: ReactNode }): ReactNode {
  return (
    <span
      className={classes(
        'inline-flex items-center gap-1 rounded px-1.5 text-2xs leading-5 font-semibold whitespace-nowrap',
        toneSoft[tone],
      )}
    >
      {children}
    </span>
  );
}

/** A dot and a word: the state of a site, a link, an agent. */
export function Status({
  tone,
  children,
  pulse = false,
  live = false,
}: {
  tone: Tone;
  children: ReactNode;
  pulse?: boolean;
  /** Greys when the feed is lost. */
  live?: boolean;
}): ReactNode {
  return (
    <span
      className={classes(
        'inline-flex items-center gap-1.5 text-sm font-medium whitespace-nowrap',
        toneText[tone],
        live && 'live-value',
      )}
    >
      <span aria-hidden className={classes('size-2 rounded-full bg-current', pulse && 'pulse-dot')} />
      {children}
    </span>
  );
}

const ICONS: Record<Tone, typeof Info> = {
  good: CircleCheck,
  warn: TriangleAlert,
  bad: CircleAlert,
  accent: Info,
  neutral: Info,
};

/** A message on the page. An error is read out at once. */
export function Notice({
  tone,
  title,
  children,
  action,
}: {
  tone: Tone;
  title?: ReactNode;
  children?: ReactNode;
  action?: ReactNode;
}): ReactNode {
  const Icon = ICONS[tone];
  return (
    <div
      role={tone === 'bad' ? 'alert' : 'status'}
      className={classes('arrive flex items-start gap-2.5 rounded-md px-3 py-2.5 text-sm', toneSoft[tone])}
    >
      <Icon aria-hidden className="mt-0.5 size-4 shrink-0" />
      <div className="min-w-0 flex-1">
        {title !== undefined && <p className="font-semibold">{title}</p>}
        {children !== undefined && (
          <div className={classes('wrap-anywhere', title !== undefined && 'text-ink-2')}>{children}</div>
        )}
      </div>
      {action}
    </div>
  );
}
