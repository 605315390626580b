import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useQuery } from 'urql';
import { count } from '../lib/format.js';
import { usePolling } from '../lib/use-polling.js';
import { Notice } from '../ui/status.js';
import { OpenAlertsQuery } from './alerts.documents.js';

const REREAD_EVERY_MS = 10_000;

/** What is the matter, for the head of a page; nothing when nothing is. */
export function OpenAlerts(): ReactNode {
  const [{ data }, reread] = useQuery({ query: OpenAlertsQuery, requestPolicy: 'cache-and-network' });
  usePolling(reread, REREAD_EVERY_MS);
  if (data === undefined || data.alerts.totalCount === 0) return null;
  const { totalCount, nodes } = data.alerts;
  const isCritical = nodes.some(({ severity }) => severity === 'CRITICAL');
  return (
    <Notice
      tone={isCritical ? 'bad' : 'warn'}
      title={`${count(totalCount, 'alert')} firing`}
      action={
        <Link to="/alerts" className="shrink-0 font-medium underline underline-offset-2">
          Look at alerts
        </Link>
      }
    >
      {nodes.map(({ id, summary }) => (
        <span key={id} className="block">
          {summary}
        </span>
      ))}
      {totalCount > nodes.length && `and ${count(totalCount - nodes.length, 'more', 'more')}`}
    </Notice>
  );
}
