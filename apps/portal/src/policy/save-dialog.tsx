import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { Button } from '../ui/button.js';
import { Dialog } from '../ui/dialog.js';
import { TextField } from '../ui/field.js';
import { Notice } from '../ui/status.js';
import { Changes } from './changes.js';
import type { PolicyNames } from './describe.js';
import type { RuleChange } from './diff.js';
import type { Problem } from './validate.js';

interface SaveDialogProps {
  baseRevision: number | null;
  changes: readonly RuleChange[];
  problems: readonly Problem[];
  suggestedMessage: string;
  names: PolicyNames;
  busy: boolean;
  error: string | undefined;
  onSave: (message: string) => void;
  onClose: () => void;
}

/** What will change, why, and the save itself. */
export function SaveDialog(props: SaveDialogProps): ReactNode {
  const { baseRevision, changes, problems, suggestedMessage, names, busy, error, onSave, onClose } = props;
  const [message, setMessage] = useState(suggestedMessage);
  const formId = useId();
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (problems.length === 0) onSave(message.trim());
  };
  return (
    <Dialog
      open
      onClose={onClose}
      wide
      title={baseRevision === null ? 'Save the first revision' : `Save over revision ${String(baseRevision)}`}
      description="Every agent gets what the new policy says of it as soon as it is saved. Open connections stay open."
      footer={
        <>
          <Button onClick={onClose}>Back to the rules</Button>
          <Button type="submit" form={formId} variant="primary" busy={busy} disabled={problems.length > 0}>
            Save
          </Button>
        </>
      }
    >
      <form id={formId} onSubmit={onSubmit} className="space-y-4">
        {error !== undefined && (
          <Notice tone="bad" title="Not saved">
            {error}
          </Notice>
        )}
        {problems.length > 0 && (
          <Notice tone="warn" title="Not yet complete">
            {[...new Set(problems.map((problem) => problem.message))].join(' ')}
          </Notice>
        )}
        <Changes changes={changes} names={names} />
        <TextField
          label="Why (kept in the history)"
          required
          autoFocus
          maxLength={500}
          placeholder="Accelerate backups from Chicago"
          value={message}
          onChange={(event) => {
            setMessage(event.target.value);
          }}
        />
      </form>
    </Dialog>
  );
}
