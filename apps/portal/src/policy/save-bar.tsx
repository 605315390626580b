import type { ReactNode } from 'react';
import { count } from '../lib/format.js';
import { Button } from '../ui/button.js';

/** Stays in sight as long as something is unsaved. */
export function SaveBar({
  changes,
  problems,
  onReview,
  onDiscard,
}: {
  changes: number;
  problems: number;
  onReview: () => void;
  onDiscard: () => void;
}): ReactNode {
  if (changes === 0) return null;
  return (
    <div
      role="region"
      aria-label="Unsaved changes"
      className="arrive sticky bottom-3 z-20 mt-4 flex flex-wrap items-center gap-3 rounded-lg border border-line-strong bg-raised px-4 py-2.5 shadow-[0_10px_30px_var(--shadow)]"
    >
      <p className="mr-auto text-sm">
        <strong className="font-semibold">{count(changes, 'unsaved change')}</strong>
        {problems > 0 && (
          <span className="text-bad">
            {' '}
            · {count(problems, 'rule needs', 'rules need')} attention before they can be saved
          </span>
        )}
      </p>
      <Button onClick={onDiscard}>Discard</Button>
      <Button variant="primary" onClick={onReview}>
        Review and save
      </Button>
    </div>
  );
}
