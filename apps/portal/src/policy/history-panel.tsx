import { Link } from '@tanstack/react-router';
import { History } from 'lucide-react';
import type { ReactNode } from 'react';
import type { PolicyRevisionHead } from '../api/schema.js';
import { ago, calendarTime, useNow } from '../lib/time.js';
import { Empty, Panel } from '../ui/panel.js';
import { useBeginning } from '../ui/show-more.js';
import { Badge } from '../ui/status.js';

const FIRST_ROWS = 8;

/** Every revision that was ever saved. @param revisions the newest first */
export function HistoryPanel({
  revisions,
  current,
}: {
  revisions: readonly PolicyRevisionHead[];
  current: number | null;
}): ReactNode {
  const { shown, more } = useBeginning(revisions, FIRST_ROWS, 'Show older revisions');
  const nowMs = useNow(30_000);
  return (
    <Panel id="history" title="History" flush>
      {revisions.length === 0 && (
        <Empty icon={<History className="size-5" />} title="Nothing saved yet">
          Each save is kept here as a revision that can be looked at and restored.
        </Empty>
      )}
      <ol>
        {shown.map(({ revision, message, author, createdAt }) => (
          <li key={revision} className="border-b border-line last:border-b-0">
            <Link
              to="/policy"
              search={{ revision }}
              resetScroll={false}
              className="flex gap-3 px-4 py-2.5 -outline-offset-2 hover:bg-sunken"
            >
              <span className="num w-7 shrink-0 pt-px text-sm font-semibold text-ink-2">{revision}</span>
              <span className="min-w-0 flex-1">
                <span className="block text-sm wrap-anywhere">{message}</span>
                <span className="block truncate text-xs text-ink-3" title={calendarTime(new Date(createdAt))}>
                  {author}, {ago(new Date(createdAt), nowMs)}
                </span>
              </span>
              {revision === current && (
                <span>
                  <Badge tone="good">In force</Badge>
                </span>
              )}
            </Link>
          </li>
        ))}
      </ol>
      {more}
    </Panel>
  );
}
