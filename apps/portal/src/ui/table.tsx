import type { ReactNode, ThHTMLAttributes, TdHTMLAttributes } from 'react';
import { classes } from './classes.js';

/** A table that scrolls sideways by itself on a narrow screen; it can be focused, and then scrolled by keyboard. */
export function Table({
  label,
  head,
  children,
  className,
}: {
  label: string;
  head: ReactNode;
  children: ReactNode;
  className?: string;
}): ReactNode {
  return (
    <div
      tabIndex={0}
      role="group"
      aria-label={label}
      className={classes('relative overflow-x-auto', className)}
    >
      <table className="w-full border-collapse text-left text-sm">
        <thead className="text-2xs font-medium tracking-wide text-ink-3 uppercase">
          <tr>{head}</tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export function Th({
  right = false,
  className,
  ...rest
}: { right?: boolean } & ThHTMLAttributes<HTMLTableCellElement>): ReactNode {
  return (
    <th
      scope="col"
      className={classes(
        'border-b border-line px-3 py-2 font-medium whitespace-nowrap first:pl-4 last:pr-4',
        right && 'text-right',
        className,
      )}
      {...rest}
    />
  );
}

export function Td({
  right = false,
  className,
  ...rest
}: { right?: boolean } & TdHTMLAttributes<HTMLTableCellElement>): ReactNode {
  return (
    <td
      className={classes(
        'border-b border-line px-3 py-2 align-middle first:pl-4 last:pr-4 [tr:last-child>&]:border-b-0',
        right && 'text-right',
        className,
      )}
      {...rest}
    />
  );
}
