import { BellRing } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import { useMutation } from 'urql';
import { errorMessage } from '../api/client.js';
import type { Alert, AlertRule } from '../api/schema.js';
import { useMay } from '../app/roles.js';
import { count } from '../lib/format.js';
import { ago, calendarTime, relative, useNow } from '../lib/time.js';
import { Button } from '../ui/button.js';
import { Empty, Panel } from '../ui/panel.js';
import { useBeginning } from '../ui/show-more.js';
import { Badge, Notice } from '../ui/status.js';
import { Table, Td, Th } from '../ui/table.js';
import { AcknowledgeAlertMutation, SilenceAlertMutation } from './alerts.documents.js';
import { SEVERITIES, worstFirst } from './kinds.js';
import { SilenceButton } from './silence-button.js';

const FIRST_ROWS = 50;

/** What else there is to say of an alert that fires. */
function notesOf(alert: Alert, nowMs: number): string[] {
  const { acknowledgedBy, silencedUntil, clearingSince, missingSince } = alert;
  const isSilenced = silencedUntil !== null && Date.parse(silencedUntil) > nowMs;
  return [
    ...(acknowledgedBy === null ? [] : [`acknowledged by ${acknowledgedBy}`]),
    ...(isSilenced ? [`silenced, ends ${relative(new Date(silencedUntil), nowMs)}`] : []),
    ...(clearingSince === null ? [] : [`away since ${ago(new Date(clearingSince), nowMs)}`]),
    ...(missingSince === null ? [] : [`nothing known since ${ago(new Date(missingSince), nowMs)}`]),
  ];
}

function AlertRow({
  alert,
  nowMs,
  onAcknowledge,
  onSilence,
}: {
  alert: Alert;
  nowMs: number;
  onAcknowledge: () => void;
  onSilence: (until: Date | null) => void;
}): ReactNode {
  const mayChange = useMay('alerts:write');
  const { name, tone } = SEVERITIES[alert.severity];
  const since = new Date(alert.firingSince ?? alert.pendingSince);
  const notes = notesOf(alert, nowMs);
  return (
    <tr>
      <Td>
        <Badge tone={tone}>{name}</Badge>
      </Td>
      <Td className="min-w-56">
        <span className="font-medium wrap-anywhere">{alert.summary}</span>
        <span className="block text-xs text-ink-3">{[alert.ruleName, ...notes].join(' · ')}</span>
      </Td>
      <Td className="num whitespace-nowrap text-ink-2" title={calendarTime(since)}>
        {ago(since, nowMs)}
      </Td>
      <Td right>
        <span className="inline-flex gap-2">
          {alert.acknowledgedAt === null && (
            <Button
              small
              disabled={!mayChange}
              aria-label={`Acknowledge ${alert.summary}`}
              onClick={onAcknowledge}
            >
              Acknowledge
            </Button>
          )}
          <SilenceButton
            what={alert.summary}
            silencedUntil={alert.silencedUntil}
            disabled={!mayChange}
            onSilence={onSilence}
          />
        </span>
      </Td>
    </tr>
  );
}

function AllIsWell({ rules }: { rules: readonly AlertRule[] }): ReactNode {
  const watching = rules.filter(({ enabled }) => enabled);
  const telling = watching.filter(({ webhooks, emails }) => webhooks.length + emails.length > 0);
  return (
    <Empty icon={<BellRing className="size-5" />} title="Nothing is the matter">
      {watching.length === 0
        ? 'No rule watches: add one below.'
        : telling.length === 0
          ? `${count(watching.length, 'rule')} watch, and tell nobody yet: edit one below and give it a webhook or an address.`
          : `${count(watching.length, 'rule')} watch; ${String(telling.length)} of them tell somebody.`}
    </Empty>
  );
}

/** Alerts that fire. */
export function FiringPanel({
  alerts,
  rules,
  onChanged,
}: {
  alerts: readonly Alert[];
  rules: readonly AlertRule[];
  onChanged: () => void;
}): ReactNode {
  const nowMs = useNow();
  const [, acknowledge] = useMutation(AcknowledgeAlertMutation);
  const [, silence] = useMutation(SilenceAlertMutation);
  const [problem, setProblem] = useState<string>();
  const sorted = useMemo(() => worstFirst(alerts), [alerts]);
  const { shown, more } = useBeginning(sorted, FIRST_ROWS, `Show more of ${count(alerts.length, 'alert')}`);
  const settle = ({ error }: { error?: Parameters<typeof errorMessage>[0] | undefined }): void => {
    setProblem(error && errorMessage(error));
    onChanged();
  };
  return (
    <Panel
      id="firing"
      title="Firing"
      hint={alerts.length > 0 ? count(alerts.length, 'alert') : undefined}
      flush
    >
      {problem !== undefined && (
        <div className="p-4">
          <Notice tone="bad" title="Not changed">
            {problem}
          </Notice>
        </div>
      )}
      {alerts.length === 0 ? (
        <AllIsWell rules={rules} />
      ) : (
        <Table
          label="Alerts that fire"
          head={
            <>
              <Th>Severity</Th>
              <Th>What</Th>
              <Th>Since</Th>
              <Th right>
                <span className="sr-only">Actions</span>
              </Th>
            </>
          }
        >
          {shown.map((alert) => (
            <AlertRow
              key={alert.id}
              alert={alert}
              nowMs={nowMs}
              onAcknowledge={() => {
                void acknowledge({ id: alert.id }).then(settle);
              }}
              onSilence={(until) => {
                void silence({ id: alert.id, until: until?.toISOString() ?? null }).then(settle);
              }}
            />
          ))}
        </Table>
      )}
      {more}
    </Panel>
  );
}
