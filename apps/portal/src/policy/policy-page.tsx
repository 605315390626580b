import { getRouteApi, useBlocker } from '@tanstack/react-router';
import { type ReactNode, useEffect, useMemo, useReducer, useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { errorMessage, isConflict } from '../api/client.js';
import type { PolicyRevision } from '../api/schema.js';
import { useAllPages } from '../api/use-all-pages.js';
import { useMay } from '../app/roles.js';
import { useTitle } from '../app/title.js';
import { usePolling } from '../lib/use-polling.js';
import { Button } from '../ui/button.js';
import { Dialog } from '../ui/dialog.js';
import { Loading, PageHead, Panel } from '../ui/panel.js';
import { Notice } from '../ui/status.js';
import { ApplicationPanel } from './application-panel.js';
import { ConflictDialog } from './conflict-dialog.js';
import type { PolicyNames } from './describe.js';
import { diffRules } from './diff.js';
import { type Draft, draftReducer, emptyDraft, toInput } from './draft.js';
import { HistoryPanel } from './history-panel.js';
import {
  LABELLED_SITES,
  type PolicyHead,
  PolicyQuery,
  REVISIONS,
  SavePolicyMutation,
} from './policy.documents.js';
import { RevisionDialog } from './revision-dialog.js';
import { RuleList } from './rule-list.js';
import { SaveBar } from './save-bar.js';
import { SaveDialog } from './save-dialog.js';
import { problemsIn } from './validate.js';

/** How often the page looks whether somebody else saved, in milliseconds. */
const REREAD_EVERY_MS = 5000;

const route = getRouteApi('/signed-in/policy');

function startDraft(policy: PolicyHead): Draft {
  return draftReducer(emptyDraft(), { type: 'load', revision: policy.revision, document: policy.document });
}

/** Leaving with unsaved changes is asked about, inside the portal and by the browser. */
function LeaveGuard({ dirty }: { dirty: boolean }): ReactNode {
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => dirty && current.pathname !== next.pathname,
    enableBeforeUnload: dirty,
    withResolver: true,
  });
  if (blocker.status !== 'blocked') return null;
  return (
    <Dialog
      open
      onClose={blocker.reset}
      title="Leave without saving?"
      footer={
        <>
          <Button variant="danger" onClick={blocker.proceed}>
            Leave and drop the changes
          </Button>
          <Button variant="primary" onClick={blocker.reset}>
            Stay
          </Button>
        </>
      }
    >
      <p className="text-sm text-ink-2">The policy has changes that are not saved.</p>
    </Dialog>
  );
}

function Editor({
  policy,
  names,
  reread,
}: {
  policy: PolicyHead;
  names: PolicyNames;
  reread: () => void;
}): ReactNode {
  const mayChange = useMay('policy:write');
  const navigate = route.useNavigate();
  const { revision: viewedRevision } = route.useSearch();
  const [draft, dispatch] = useReducer(draftReducer, policy, startDraft);
  const [revisions] = useAllPages(REVISIONS, policy.revision);
  const [dialog, setDialog] = useState<'save' | 'conflict'>();
  const [saved, setSaved] = useState<number>();
  const [{ fetching, error }, savePolicy] = useMutation(SavePolicyMutation);
  const changes = useMemo(() => diffRules(draft.base, draft.rules, names), [draft.base, draft.rules, names]);
  const problems = useMemo(() => problemsIn(draft.rules, names), [draft.rules, names]);
  const dirty = changes.length > 0;
  const movedOn = (policy.revision ?? 0) > (draft.baseRevision ?? 0);

  // Somebody else saved, and nothing is edited here: show theirs.
  useEffect(() => {
    if (movedOn && !dirty) dispatch({ type: 'load', revision: policy.revision, document: policy.document });
  }, [movedOn, dirty, policy]);

  const save = async (message: string): Promise<void> => {
    const input = { expectedRevision: draft.baseRevision, message, rules: toInput(draft.rules) };
    const result = await savePolicy({ input });
    if (result.data) {
      const { revision, document } = result.data.savePolicy;
      dispatch({ type: 'load', revision, document });
      setSaved(revision);
      setDialog(undefined);
    } else if (result.error && isConflict(result.error)) {
      setDialog('conflict');
    }
    reread();
  };
  const closeRevision = (): void => {
    void navigate({ search: {}, resetScroll: false });
  };
  const onReload = ({ revision, document }: PolicyRevision): void => {
    dispatch({ type: 'load', revision, document });
    setDialog(undefined);
  };
  const onKeep = ({ revision, document }: PolicyRevision): void => {
    dispatch({ type: 'rebase', revision, document });
    setDialog('save');
  };
  const otherError = error !== undefined && !isConflict(error) ? errorMessage(error) : undefined;

  return (
    <>
      <LeaveGuard dirty={dirty} />
      <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_23rem]">
        <div className="min-w-0">
          <div className="mb-4 space-y-3 empty:hidden">
            {!mayChange && (
              <Notice tone="neutral" title="You may read, not change">
                Changing the policy takes the role operator or higher: ask an owner of your organization.
              </Notice>
            )}
            {movedOn && dirty && (
              <Notice
                tone="warn"
                title={`Revision ${String(policy.revision)} was saved since you began`}
                action={
                  <Button
                    small
                    onClick={() => {
                      setDialog('conflict');
                    }}
                  >
                    Show both
                  </Button>
                }
              >
                Your changes are kept. Look at both before you save.
              </Notice>
            )}
            {saved !== undefined && !dirty && saved === draft.baseRevision && (
              <Notice tone="good" title={`Revision ${String(saved)} is saved`}>
                “Applied by” shows each agent as it confirms.
              </Notice>
            )}
          </div>
          <Panel
            id="rules"
            title="Rules"
            hint={
              draft.baseRevision === null
                ? 'nothing saved yet'
                : `revision ${String(draft.baseRevision)} · the first that matches decides`
            }
            flush
          >
            <RuleList
              rules={draft.rules}
              openKey={draft.openKey}
              names={names}
              problems={problems}
              changedKeys={new Set(changes.map(({ rule }) => rule.key))}
              readOnly={!mayChange}
              dispatch={dispatch}
            />
          </Panel>
          <SaveBar
            changes={changes.length}
            problems={new Set(problems.map(({ key }) => key)).size}
            onReview={() => {
              setDialog('save');
            }}
            onDiscard={() => {
              dispatch({ type: 'discard' });
            }}
          />
        </div>
        <div className="grid min-w-0 items-start gap-4 md:grid-cols-2 xl:grid-cols-1">
          <ApplicationPanel revision={policy.revision} />
          <HistoryPanel revisions={revisions.items ?? []} current={policy.revision} />
        </div>
      </div>
      {dialog === 'save' && (
        <SaveDialog
          baseRevision={draft.baseRevision}
          changes={changes}
          problems={problems}
          suggestedMessage={draft.message}
          names={names}
          busy={fetching}
          error={otherError}
          onSave={(message) => {
            void save(message);
          }}
          onClose={() => {
            setDialog(undefined);
          }}
        />
      )}
      {dialog === 'conflict' && movedOn && policy.revision !== null && (
        <ConflictDialog
          draft={draft}
          theirRevision={policy.revision}
          names={names}
          onReload={onReload}
          onKeep={onKeep}
          onClose={() => {
            setDialog(undefined);
          }}
        />
      )}
      {viewedRevision !== undefined && (
        <RevisionDialog
          revision={viewedRevision}
          currentRevision={policy.revision}
          currentRules={draft.base}
          names={names}
          mayRestore={mayChange}
          onRestore={({ revision, document }) => {
            dispatch({ type: 'restore', revision, document });
            closeRevision();
          }}
          onClose={closeRevision}
        />
      )}
    </>
  );
}

export function PolicyPage(): ReactNode {
  useTitle('Policy');
  const [{ data, error: policyError }, refetch] = useQuery({
    query: PolicyQuery,
    requestPolicy: 'cache-and-network',
  });
  const [sites, rereadSites] = useAllPages(LABELLED_SITES);
  usePolling(refetch, REREAD_EVERY_MS);
  usePolling(rereadSites, REREAD_EVERY_MS);
  const error = policyError ?? sites.error;
  const names = useMemo(
    () => data && sites.items && { sites: sites.items, applications: data.applications },
    [data, sites.items],
  );
  return (
    <>
      <PageHead title="Policy">
        Which TCP connections go the fast way, and how. A save reaches every agent at once.
      </PageHead>
      {error !== undefined && (
        <div className="mb-4">
          <Notice tone={names === undefined ? 'bad' : 'warn'} title="The policy cannot be read">
            {errorMessage(error)}
          </Notice>
        </div>
      )}
      {names === undefined && error === undefined && <Loading rows={6} />}
      {data !== undefined && names !== undefined && (
        <Editor
          policy={data.policy}
          names={names}
          reread={() => {
            refetch({ requestPolicy: 'network-only' });
          }}
        />
      )}
    </>
  );
}
