import { RotateCcw } from 'lucide-react';
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
import { type Rule, toRules } from './draft.js';
import { RolledOut } from './rolled-out.js';
import { RevisionQuery } from './policy.documents.js';

interface RevisionDialogProps {
  revision: number;
  currentRevision: number | null;
  currentRules: readonly Rule[];
  names: PolicyNames;
  mayRestore: boolean;
  onRestore: (revision: PolicyRevision) => void;
  onClose: () => void;
}

/** One revision of the history: its rules, how it differs from what is in force, and its restoration. */
export function RevisionDialog(props: RevisionDialogProps): ReactNode {
  const { revision, currentRevision, currentRules, names, mayRestore, onRestore, onClose } = props;
  const [{ data, error, fetching }] = useQuery({ query: RevisionQuery, variables: { revision } });
  const found = data?.policyRevision ?? undefined;
  const inForce = revision === currentRevision;
  return (
    <Dialog
      open
      onClose={onClose}
      wide
      title={`Revision ${String(revision)}`}
      description={found && `${found.author}, ${calendarTime(new Date(found.createdAt))}: ${found.message}`}
      footer={
        found &&
        !inForce &&
        mayRestore && (
          <Button
            variant="primary"
            onClick={() => {
              onRestore(found);
            }}
          >
            <RotateCcw aria-hidden className="size-4" />
            Restore into the editor
          </Button>
        )
      }
    >
      {found === undefined && fetching && <Loading rows={5} />}
      {found === undefined && !fetching && (
        <Notice tone="bad" title="This revision cannot be shown">
          {error === undefined ? 'There is no such revision.' : errorMessage(error)}
        </Notice>
      )}
      {found !== undefined && (
        <div className="space-y-5">
          <RolledOut rules={toRules(found.document)} names={names} />
          {!inForce && (
            <section aria-label="Difference">
              <h3 className="text-sm font-semibold">What restoring it would change</h3>
              <Changes changes={diffRules(currentRules, toRules(found.document), names)} names={names} />
            </section>
          )}
          <p className="font-mono text-2xs wrap-anywhere text-ink-3">sha256 {found.sha256}</p>
        </div>
      )}
    </Dialog>
  );
}
