import { Send } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useMutation } from 'urql';
import type { errorMessage } from '../api/client.js';
import type { Delivery, DeliveryState } from '../api/schema.js';
import { count } from '../lib/format.js';
import { ago, calendarTime, relative } from '../lib/time.js';
import { Button } from '../ui/button.js';
import type { Tone } from '../ui/classes.js';
import { Dialog } from '../ui/dialog.js';
import { Empty, Panel } from '../ui/panel.js';
import { Badge } from '../ui/status.js';
import { Table, Td, Th } from '../ui/table.js';
import { RedeliverMutation } from './alerts.documents.js';

const STATES: Record<DeliveryState, { name: string; tone: Tone }> = {
  PENDING: { name: 'Waiting', tone: 'warn' },
  DELIVERED: { name: 'Delivered', tone: 'good' },
  FAILED: { name: 'Failed', tone: 'bad' },
};

const EVENTS: Record<string, string> = {
  'alert.firing': 'Firing',
  'alert.resolved': 'Over',
  'webhook.test': 'Test',
};

const targetOf = ({ webhook, email }: Delivery): string => webhook?.name ?? email ?? '';

function AttemptsDialog({ delivery, onClose }: { delivery: Delivery; onClose: () => void }): ReactNode {
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title={`Attempts to tell ${targetOf(delivery)}`}
      description={<span className="font-mono text-xs">{delivery.id}</span>}
      footer={<Button onClick={onClose}>Close</Button>}
    >
      {delivery.log.length === 0 ? (
        <p className="text-sm text-ink-2">It was not tried yet.</p>
      ) : (
        <Table
          label="Attempts"
          head={
            <>
              <Th>At</Th>
              <Th right>Took</Th>
              <Th right>Status</Th>
              <Th>What came of it</Th>
            </>
          }
        >
          {delivery.log.map(({ number, at, durationMs, status, error, response }) => (
            <tr key={number}>
              <Td className="num whitespace-nowrap">{calendarTime(new Date(at))}</Td>
              <Td right className="num whitespace-nowrap">
                {durationMs} ms
              </Td>
              <Td right className="num">
                {status ?? '–'}
              </Td>
              <Td>
                <span className="wrap-anywhere">{error ?? 'taken'}</span>
                {response !== null && response !== '' && (
                  <code
                    className="block max-h-24 overflow-y-auto text-xs text-ink-3 wrap-anywhere"
                    tabIndex={0}
                  >
                    {response}
                  </code>
                )}
              </Td>
            </tr>
          ))}
        </Table>
      )}
    </Dialog>
  );
}

/** What became of notifications, to webhooks and by e-mail. */
export function DeliveriesPanel({
  deliveries,
  nowMs,
  onChanged,
}: {
  deliveries: readonly Delivery[];
  nowMs: number;
  onChanged: (outcome: { error?: Parameters<typeof errorMessage>[0] | undefined }) => void;
}): ReactNode {
  const [, redeliver] = useMutation(RedeliverMutation);
  const [openId, setOpenId] = useState<string>();
  const open = deliveries.find(({ id }) => id === openId);
  return (
    <Panel id="deliveries" title="Notifications" hint="the last 50, kept for 30 days" flush>
      {deliveries.length === 0 ? (
        <Empty icon={<Send className="size-5" />} title="Nobody was told of anything yet">
          Give a rule a webhook or an address; what is sent to them will stand here.
        </Empty>
      ) : (
        <Table
          label="Notifications"
          head={
            <>
              <Th>State</Th>
              <Th>Told</Th>
              <Th>To</Th>
              <Th>When</Th>
              <Th right>
                <span className="sr-only">Actions</span>
              </Th>
            </>
          }
        >
          {deliveries.map((delivery) => {
            const { id, event, state, attempts, createdAt, dueAt, log } = delivery;
            const { name, tone } = STATES[state];
            const last = log.at(-1)?.error;
            const what = `${EVENTS[event] ?? event} to ${targetOf(delivery)}`;
            return (
              <tr key={id}>
                <Td>
                  <Badge tone={tone}>{name}</Badge>
                </Td>
                <Td className="min-w-48">
                  {EVENTS[event] ?? event}
                  {last != null && <span className="block text-xs text-ink-3 wrap-anywhere">{last}</span>}
                </Td>
                <Td className="min-w-32 wrap-anywhere">{targetOf(delivery)}</Td>
                <Td className="num whitespace-nowrap text-ink-2" title={calendarTime(new Date(createdAt))}>
                  {ago(new Date(createdAt), nowMs)}
                  {dueAt !== null && attempts > 0 && (
                    <span className="block text-xs text-ink-3">again {relative(new Date(dueAt), nowMs)}</span>
                  )}
                </Td>
                <Td right>
                  <span className="inline-flex gap-2">
                    <Button
                      small
                      variant="ghost"
                      aria-label={`${count(attempts, 'attempt')} of ${what}`}
                      onClick={() => {
                        setOpenId(id);
                      }}
                    >
                      {count(attempts, 'attempt')}
                    </Button>
                    <Button
                      small
                      aria-label={`Send again: ${what}`}
                      onClick={() => {
                        void redeliver({ id }).then(onChanged);
                      }}
                    >
                      Send again
                    </Button>
                  </span>
                </Td>
              </tr>
            );
          })}
        </Table>
      )}
      {open !== undefined && (
        <AttemptsDialog
          delivery={open}
          onClose={() => {
            setOpenId(undefined);
          }}
        />
      )}
    </Panel>
  );
}
