import { Link } from '@tanstack/react-router';
import { Server } from 'lucide-react';
import type { ReactNode } from 'react';
import { errorMessage } from '../api/client.js';
import type { AgentApplication } from '../api/schema.js';
import { useAllPages } from '../api/use-all-pages.js';
import { count } from '../lib/format.js';
import { usePolling } from '../lib/use-polling.js';
import { useFeed } from '../live/use-feed.js';
import { classes } from '../ui/classes.js';
import { Empty, Loading, Panel } from '../ui/panel.js';
import { useBeginning } from '../ui/show-more.js';
import { Notice, Status } from '../ui/status.js';
import { applicationState, STATES } from './application-state.js';
import { APPLICATION } from './policy.documents.js';

/** The feed tells of every change; this is for what it misses. In milliseconds. */
const REREAD_EVERY_MS = 5000;

/** Rows at first; a fleet may have thousands. */
const FIRST_ROWS = 50;

/** Changes whenever an agent confirms or is given something. */
function useAgentsSignature(): string {
  const { frame } = useFeed();
  return (frame?.agents ?? [])
    .map((agent) =>
      [agent.agentId, agent.desiredGeneration, agent.appliedGeneration, agent.outcome, agent.online].join(),
    )
    .join(';');
}

function useApplication(savedRevision: number | null): {
  agents: AgentApplication[] | undefined;
  error: string | undefined;
} {
  const signature = useAgentsSignature();
  const [{ items, error }, reread] = useAllPages(APPLICATION, `${String(savedRevision)} ${signature}`);
  usePolling(reread, REREAD_EVERY_MS);
  return { agents: items, error: error && errorMessage(error) };
}

function AgentRow({
  application,
  revision,
}: {
  application: AgentApplication;
  revision: number | null;
}): ReactNode {
  const { agent, desiredRevision, appliedRevision, error } = application;
  const state = applicationState(application, revision);
  const { tone, word } = STATES[state];
  return (
    <li className="border-b border-line px-4 py-2.5 last:border-b-0">
      <div className="flex items-baseline justify-between gap-3">
        <span className="min-w-0 truncate text-sm font-medium">
          {agent.hostname} <span className="font-normal text-ink-3">{agent.site.name}</span>
        </span>
        <Status tone={tone} pulse={state === 'waiting'}>
          {word}
        </Status>
      </div>
      <p className="num text-xs text-ink-3">
        runs revision {appliedRevision ?? 'none'}
        {desiredRevision !== appliedRevision && `, told to run ${String(desiredRevision ?? 'none')}`}
      </p>
      {error !== null && <p className="mt-0.5 text-xs wrap-anywhere text-bad">{error}</p>}
    </li>
  );
}

/** Which agents run the saved revision, and what keeps the others from it. */
export function ApplicationPanel({ revision }: { revision: number | null }): ReactNode {
  const { agents, error } = useApplication(revision);
  const applied = agents?.filter((each) => applicationState(each, revision) === 'applied').length ?? 0;
  const total = agents?.length ?? 0;
  const { shown, more } = useBeginning(agents ?? [], FIRST_ROWS, `Show more of ${count(total, 'agent')}`);
  const share = total === 0 ? 0 : (applied / total) * 100;
  return (
    <Panel
      id="applied"
      title="Applied by"
      hint={agents && `${String(applied)} of ${count(total, 'agent')}`}
      flush
    >
      {agents === undefined && error === undefined && <Loading />}
      {error !== undefined && (
        <div className="p-3">
          <Notice tone="bad" title="Cannot be read">
            {error}
          </Notice>
        </div>
      )}
      {agents !== undefined && total === 0 && (
        <Empty
          icon={<Server className="size-5" />}
          title="No agent yet"
          action={
            <Link to="/enrol" className="text-sm font-medium text-accent underline underline-offset-2">
              Enrol a site
            </Link>
          }
        >
          A policy takes effect at the agents. It waits for them.
        </Empty>
      )}
      {agents !== undefined && total > 0 && (
        <>
          <div
            role="progressbar"
            aria-label="Agents that run the saved revision"
            aria-valuenow={applied}
            aria-valuemin={0}
            aria-valuemax={total}
            className="h-1 bg-sunken"
          >
            <div
              className={classes(
                'h-full transition-[width] duration-300',
                applied === total ? 'bg-good' : 'bg-accent',
              )}
              style={{ width: `${String(share)}%` }}
            />
          </div>
          <ul>
            {shown.map((application) => (
              <AgentRow key={application.agent.id} application={application} revision={revision} />
            ))}
          </ul>
          {more}
        </>
      )}
    </Panel>
  );
}
