import type { ReactNode } from 'react';

/** The mark and the name. */
export function Logo(): ReactNode {
  return (
    <span className="flex items-center gap-2.5 text-[0.95rem] font-semibold tracking-tight">
      <svg aria-hidden viewBox="0 0 32 32" className="size-6.5">
        <rect width="32" height="32" rx="8" fill="var(--accent)" />
        <g fill="none" stroke="var(--on-accent)" strokeWidth="2.6" strokeLinecap="round">
          <path d="M7 21c5 0 5-10 9-10s4 10 9 10" />
        </g>
        <circle cx="7" cy="21" r="2.6" fill="var(--on-accent)" />
        <circle cx="25" cy="21" r="2.6" fill="var(--on-accent)" />
      </svg>
      Longhaul
    </span>
  );
}
