import type { ReactNode } from 'react';
import { useQuery } from 'urql';
import { errorMessage } from '../api/client.js';
import type { PolicyRevision } from '../api/schema.js';
import { calendarTime } from '../lib/time.js';
import { Button } from '../ui/button.js';
import { Dialog } from '../ui/dialog.js';
import { Loading } from '../ui/panel.js';
import { Notice } from '../ui/status.js';
import { Changes } from './changes.js';
import type { PolicyNames } from './describe.js';
import { diffRules } from './diff.js';
import { type Draft, toRules } from './draft.js';
import { RevisionQuery } from './policy.documents.js';

interface ConflictDialogProps {
  draft: Draft;
  /** The revision that somebody else saved since the draft began. */
  theirRevision: number;
  names: PolicyNames;
  onReload: (theirs: PolicyRevision) => void;
  onKeep: (theirs: PolicyRevision) => void;
  onClose: () => void;
}

function Both({
  draft,
  theirs,
  names,
}: {
  draft: Draft;
  theirs: PolicyRevision;
  names: PolicyNames;
}): ReactNode {
  return (
    <div className="grid gap-x-8 gap-y-5 sm:grid-cols-2">
      <section aria-label="Saved by somebody else">
        <h3 className="text-sm font-semibold">Revision {theirs.revision}</h3>
        <p className="text-xs text-ink-3">
          {theirs.author}, {calendarTime(new Date(theirs.createdAt))}: {theirs.message}
        </p>
        <Changes changes={diffRules(draft.base, toRules(theirs.document), names)} names={names} />
      </section>
      <section aria-label="Yours, unsaved">
        <h3 className="text-sm font-semibold">Yours, unsaved</h3>
        <p className="text-xs text-ink-3">
          {draft.baseRevision === null
            ? 'begun from nothing'
            : `begun from revision ${String(draft.baseRevision)}`}
        </p>
        <Changes changes={diffRules(draft.base, draft.rules, names)} names={names} />
      </section>
    </div>
  );
}

/** Somebody else saved first: shows both, and lets the viewer decide which goes on. */
export function ConflictDialog({
  draft,
  theirRevision,
  names,
  onReload,
  onKeep,
  onClose,
}: ConflictDialogProps): ReactNode {
  const [{ data, error }] = useQuery({ query: RevisionQuery, variables: { revision: theirRevision } });
  const theirs = data?.policyRevision ?? undefined;
  return (
    <Dialog
      open
      onClose={onClose}
      wide
      title="Somebody else saved the policy meanwhile"
      description="Nothing of yours is lost, and nothing of theirs was overwritten. Choose which to go on with."
      footer={
        theirs && (
          <>
            <Button
              onClick={() => {
                onKeep(theirs);
              }}
            >
              Keep mine, compare with revision {theirs.revision}
            </Button>
            <Button
              variant="primary"
              onClick={() => {
                onReload(theirs);
              }}
            >
              Reload revision {theirs.revision}, drop mine
            </Button>
          </>
        )
      }
    >
      {theirs !== undefined && <Both draft={draft} theirs={theirs} names={names} />}
      {theirs === undefined && error === undefined && <Loading rows={4} />}
      {error !== undefined && (
        <Notice tone="bad" title="The other revision cannot be read">
          {errorMessage(error)}
        </Notice>
      )}
    </Dialog>
  );
}
