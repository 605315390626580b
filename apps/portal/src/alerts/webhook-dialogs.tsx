import { type FormEvent, type ReactNode, useState } from 'react';
import { useMutation } from 'urql';
import { errorMessage } from '../api/client.js';
import { Button } from '../ui/button.js';
import { CopyButton } from '../ui/copy-button.js';
import { Dialog } from '../ui/dialog.js';
import { TextField } from '../ui/field.js';
import { Notice } from '../ui/status.js';
import { CreateWebhookMutation } from './alerts.documents.js';

/** Makes a webhook. @param props.onMade gets its secret */
export function WebhookDialog({
  onClose,
  onMade,
}: {
  onClose: () => void;
  onMade: (secret: string) => void;
}): ReactNode {
  const [{ fetching }, create] = useMutation(CreateWebhookMutation);
  const [name, setName] = useState('');
  const [url, setUrl] = useState('https://');
  const [refusal, setRefusal] = useState<string>();
  const save = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const { data, error } = await create({ input: { name, url } });
    setRefusal(error && errorMessage(error));
    if (data !== undefined && error === undefined) onMade(data.createWebhook.secret);
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title="New webhook"
      description="Alerts of the rules that name it are posted there as JSON, signed by a secret."
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" form="webhook" busy={fetching}>
            Add the webhook
          </Button>
        </>
      }
    >
      <form
        id="webhook"
        className="space-y-4"
        onSubmit={(event) => {
          void save(event);
        }}
      >
        {refusal !== undefined && (
          <Notice tone="bad" title="Not saved">
            {refusal}
          </Notice>
        )}
        <TextField
          label="Name"
          required
          autoFocus
          maxLength={100}
          placeholder="On call"
          value={name}
          onChange={({ target }) => {
            setName(target.value);
          }}
        />
        <TextField
          label="Address"
          required
          mono
          hint="https, and of the public internet unless the controller is set otherwise."
          value={url}
          onChange={({ target }) => {
            setUrl(target.value);
          }}
        />
      </form>
    </Dialog>
  );
}

/** Shows a secret, once. */
export function SecretDialog({ secret, onClose }: { secret: string; onClose: () => void }): ReactNode {
  return (
    <Dialog
      open
      onClose={onClose}
      title="The webhook’s secret"
      description="By it the receiver checks signatures. It is not shown again."
      footer={<Button onClick={onClose}>Done</Button>}
    >
      <div className="space-y-3">
        <pre
          aria-label="The secret"
          className="overflow-x-auto rounded-md bg-sunken p-3 font-mono text-xs select-all"
          tabIndex={0}
        >
          {secret}
        </pre>
        <CopyButton text={secret} label="Copy the secret" />
      </div>
    </Dialog>
  );
}
