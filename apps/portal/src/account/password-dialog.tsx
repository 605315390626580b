import { type FormEvent, type ReactNode, useState } from 'react';
import { useMutation } from 'urql';
import { errorMessage } from '../api/client.js';
import { Button } from '../ui/button.js';
import { Dialog } from '../ui/dialog.js';
import { TextField } from '../ui/field.js';
import { Notice } from '../ui/status.js';
import { ChangePasswordMutation } from './account.documents.js';

function PasswordForm({ onDone }: { onDone: () => void }): ReactNode {
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [again, setAgain] = useState('');
  const [{ fetching, error }, changePassword] = useMutation(ChangePasswordMutation);
  const differs = again !== '' && again !== next;
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (next !== again) return;
    void changePassword({ current, next }).then(({ data }) => {
      if (data?.changePassword === true) onDone();
    });
  };
  const field = (
    label: string,
    value: string,
    set: (value: string) => void,
    autoComplete: string,
    problem?: string,
  ): ReactNode => (
    <TextField
      label={label}
      type="password"
      required
      autoComplete={autoComplete}
      value={value}
      error={problem}
      onChange={(event) => {
        set(event.target.value);
      }}
    />
  );
  return (
    <form onSubmit={onSubmit} className="space-y-4">
      {error && (
        <Notice tone="bad" title="The password is unchanged">
          {errorMessage(error)}
        </Notice>
      )}
      {field('Current password', current, setCurrent, 'current-password')}
      {field('New password', next, setNext, 'new-password')}
      {field(
        'New password again',
        again,
        setAgain,
        'new-password',
        differs ? 'The two new passwords differ.' : undefined,
      )}
      <div className="flex justify-end">
        <Button type="submit" variant="primary" busy={fetching} disabled={differs}>
          Change password
        </Button>
      </div>
    </form>
  );
}

export function PasswordDialog({ open, onClose }: { open: boolean; onClose: () => void }): ReactNode {
  const [done, setDone] = useState(false);
  const close = (): void => {
    setDone(false);
    onClose();
  };
  return (
    <Dialog open={open} onClose={close} title="Change password">
      {done ? (
        <Notice tone="good" title="The password is changed">
          Use the new one the next time you sign in.
        </Notice>
      ) : (
        <PasswordForm
          onDone={() => {
            setDone(true);
          }}
        />
      )}
    </Dialog>
  );
}
