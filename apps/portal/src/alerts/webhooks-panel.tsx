import { Webhook as WebhookIcon } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { errorMessage } from '../api/client.js';
import type { Webhook } from '../api/schema.js';
import { useAllPages } from '../api/use-all-pages.js';
import { relative, useNow } from '../lib/time.js';
import { usePolling } from '../lib/use-polling.js';
import { Button } from '../ui/button.js';
import { ConfirmButton } from '../ui/confirm-button.js';
import { Switch } from '../ui/field.js';
import { Empty, Loading, Panel } from '../ui/panel.js';
import { Notice } from '../ui/status.js';
import { Table, Td, Th } from '../ui/table.js';
import {
  DeleteWebhookMutation,
  DeliveriesQuery,
  RotateWebhookSecretMutation,
  TestWebhookMutation,
  UpdateWebhookMutation,
  WEBHOOKS,
} from './alerts.documents.js';
import { DeliveriesPanel } from './deliveries-panel.js';
import { SecretDialog, WebhookDialog } from './webhook-dialogs.js';

const REREAD_EVERY_MS = 5000;
/** Deliveries that are shown. */
const ROWS = 50;

interface RowActions {
  onSwitch: (enabled: boolean) => void;
  onTest: () => void;
  onRotate: () => void;
  onDelete: () => void;
}

function WebhookRow({
  webhook,
  nowMs,
  ...actions
}: { webhook: Webhook; nowMs: number } & RowActions): ReactNode {
  const { name, url, enabled, rotationEndsAt } = webhook;
  return (
    <tr>
      <Td>
        <Switch label={`Send to ${name}`} checked={enabled} onChange={actions.onSwitch} />
      </Td>
      <Td className="min-w-32">
        <span className="font-medium wrap-anywhere">{name}</span>
        {rotationEndsAt !== null && (
          <span className="block text-xs text-ink-3">
            signed by the former secret too, ends {relative(new Date(rotationEndsAt), nowMs)}
          </span>
        )}
      </Td>
      <Td className="min-w-56 font-mono text-xs wrap-anywhere">{url}</Td>
      <Td right>
        <span className="inline-flex gap-2">
          <Button small disabled={!enabled} aria-label={`Send a test to ${name}`} onClick={actions.onTest}>
            Send a test
          </Button>
          <ConfirmButton
            label="New secret"
            what={`for ${name}`}
            title="Give this webhook a new secret?"
            onConfirm={actions.onRotate}
          >
            It is shown once. For a day, messages are signed by the former one, too.
          </ConfirmButton>
          <ConfirmButton label="Delete" what={name} title="Delete this webhook?" onConfirm={actions.onDelete}>
            Its log goes with it. Rules that name it go on without it.
          </ConfirmButton>
        </span>
      </Td>
    </tr>
  );
}

/** Where notifications are posted to, and the log of all notifications. */
export function WebhooksPanel({ onChanged }: { onChanged: () => void }): ReactNode {
  const nowMs = useNow();
  const [webhooks, reread] = useAllPages(WEBHOOKS);
  const [deliveries, rereadDeliveries] = useQuery({
    query: DeliveriesQuery,
    variables: { first: ROWS },
    requestPolicy: 'cache-and-network',
  });
  usePolling(rereadDeliveries, REREAD_EVERY_MS);
  const [, update] = useMutation(UpdateWebhookMutation);
  const [, test] = useMutation(TestWebhookMutation);
  const [, rotate] = useMutation(RotateWebhookSecretMutation);
  const [, remove] = useMutation(DeleteWebhookMutation);
  const [adding, setAdding] = useState(false);
  const [secret, setSecret] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const error = webhooks.error ?? deliveries.error;
  const settle = (outcome: { error?: Parameters<typeof errorMessage>[0] | undefined }): void => {
    setProblem(outcome.error && errorMessage(outcome.error));
    reread();
    rereadDeliveries({ requestPolicy: 'network-only' });
    onChanged();
  };
  const onMade = (made: string): void => {
    setAdding(false);
    setSecret(made);
    settle({});
  };
  return (
    <>
      <Panel
        id="webhooks"
        title="Webhooks"
        hint="programs that are told"
        actions={
          <Button
            small
            onClick={() => {
              setAdding(true);
            }}
          >
            <WebhookIcon aria-hidden className="size-3.5" />
            Add a webhook
          </Button>
        }
        flush
      >
        {(problem !== undefined || error !== undefined) && (
          <div className="p-4">
            <Notice tone="bad" title={problem === undefined ? 'Webhooks cannot be read' : 'Not changed'}>
              {problem ?? (error && errorMessage(error))}
            </Notice>
          </div>
        )}
        {webhooks.items === undefined ? (
          <Loading />
        ) : webhooks.items.length === 0 ? (
          <Empty icon={<WebhookIcon className="size-5" />} title="No webhook yet">
            Add one, and name it in a rule: alerts are posted there as JSON, signed.
          </Empty>
        ) : (
          <Table
            label="Webhooks"
            head={
              <>
                <Th>On</Th>
                <Th>Webhook</Th>
                <Th>Address</Th>
                <Th right>
                  <span className="sr-only">Actions</span>
                </Th>
              </>
            }
          >
            {webhooks.items.map((webhook) => (
              <WebhookRow
                key={webhook.id}
                webhook={webhook}
                nowMs={nowMs}
                onSwitch={(enabled) => {
                  void update({ id: webhook.id, input: { enabled } }).then(settle);
                }}
                onTest={() => {
                  void test({ id: webhook.id }).then(settle);
                }}
                onRotate={() => {
                  void rotate({ id: webhook.id }).then((outcome) => {
                    settle(outcome);
                    setSecret(outcome.data?.rotateWebhookSecret.secret);
                  });
                }}
                onDelete={() => {
                  void remove({ id: webhook.id }).then(settle);
                }}
              />
            ))}
          </Table>
        )}
      </Panel>
      <DeliveriesPanel
        deliveries={deliveries.data?.deliveries.nodes ?? []}
        nowMs={nowMs}
        onChanged={settle}
      />
      {adding && (
        <WebhookDialog
          onClose={() => {
            setAdding(false);
          }}
          onMade={onMade}
        />
      )}
      {secret !== undefined && (
        <SecretDialog
          secret={secret}
          onClose={() => {
            setSecret(undefined);
          }}
        />
      )}
    </>
  );
}
