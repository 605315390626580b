import { History } from 'lucide-react';
import { type ReactNode, useEffect } from 'react';
import { useQuery } from 'urql';
import { errorMessage } from '../api/client.js';
import { ago, calendarTime, duration, useNow } from '../lib/time.js';
import { Empty, Loading, Panel } from '../ui/panel.js';
import { Badge, Notice } from '../ui/status.js';
import { Table, Td, Th } from '../ui/table.js';
import { PastAlertsQuery } from './alerts.documents.js';
import { RESOLUTIONS, SEVERITIES } from './kinds.js';

const ROWS = 50;

/** Alerts that are over, the newest first. @param version read anew when it changes */
export function PastPanel({ version }: { version: number }): ReactNode {
  const nowMs = useNow();
  const [{ data, error }, reread] = useQuery({
    query: PastAlertsQuery,
    variables: { first: ROWS },
    requestPolicy: 'cache-and-network',
  });
  useEffect(() => {
    reread({ requestPolicy: 'network-only' });
  }, [reread, version]);
  return (
    <Panel id="past" title="Past" hint="the last 50, kept for 90 days" flush>
      {error !== undefined && (
        <div className="p-4">
          <Notice tone="warn" title="Past alerts cannot be read">
            {errorMessage(error)}
          </Notice>
        </div>
      )}
      {data === undefined ? (
        error === undefined && <Loading />
      ) : data.alerts.nodes.length === 0 ? (
        <Empty icon={<History className="size-5" />} title="Nothing has been the matter yet">
          What fired and is over will stand here.
        </Empty>
      ) : (
        <Table
          label="Past alerts"
          head={
            <>
              <Th>Severity</Th>
              <Th>What</Th>
              <Th>Lasted</Th>
              <Th>Over</Th>
            </>
          }
        >
          {data.alerts.nodes.map((alert) => {
            const { name, tone } = SEVERITIES[alert.severity];
            const began = Date.parse(alert.firingSince ?? alert.pendingSince);
            const over = new Date(alert.resolvedAt ?? alert.pendingSince);
            const why = alert.resolution === null ? [] : [RESOLUTIONS[alert.resolution]];
            return (
              <tr key={alert.id}>
                <Td>
                  <Badge tone={tone}>{name}</Badge>
                </Td>
                <Td className="min-w-56">
                  <span className="wrap-anywhere">{alert.summary}</span>
                  <span className="block text-xs text-ink-3">{[alert.ruleName, ...why].join(' · ')}</span>
                </Td>
                <Td className="num whitespace-nowrap text-ink-2">{duration(over.getTime() - began)}</Td>
                <Td className="num whitespace-nowrap text-ink-2" title={calendarTime(over)}>
                  {ago(over, nowMs)}
                </Td>
              </tr>
            );
          })}
        </Table>
      )}
    </Panel>
  );
}
