import type { ReactNode } from 'react';
import { type Quantity, UNKNOWN } from '../lib/format.js';
import { classes } from './classes.js';

/** A number with its unit set smaller. `live` greys it when the feed is lost. */
export function Measure({
  of,
  live = false,
  unitSize = 'text-[0.82em]',
  className,
}: {
  of: Quantity | undefined;
  live?: boolean;
  unitSize?: string;
  className?: string;
}): ReactNode {
  if (of === undefined) return <span className="text-ink-3">{UNKNOWN}</span>;
  return (
    <span className={classes('num whitespace-nowrap', live && 'live-value', className)}>
      {of.value}
      <span
        className={classes(unitSize, 'font-normal', of.unit !== '×' && 'ml-[0.28em]', !live && 'text-ink-3')}
      >
        {of.unit}
      </span>
    </span>
  );
}

/** One of the big numbers at the head of a page. */
export function BigNumber({
  label,
  of,
  detail,
  tone,
}: {
  label: string;
  of: Quantity | undefined;
  detail: ReactNode;
  tone?: 'good' | 'warn' | 'bad';
}): ReactNode {
  const colour = tone === 'bad' ? 'text-bad' : tone === 'warn' ? 'text-warn' : 'text-ink';
  return (
    <div className="min-w-0 bg-surface px-4 py-3.5">
      <dt className="text-xs font-medium text-ink-3">{label}</dt>
      <dd>
        <Measure
          of={of}
          live
          unitSize="text-base tracking-normal"
          className={classes('mt-1 block text-[1.7rem] leading-8 font-semibold tracking-tight', colour)}
        />
        <span className="mt-0.5 block text-xs text-ink-3">{detail}</span>
      </dd>
    </div>
  );
}
