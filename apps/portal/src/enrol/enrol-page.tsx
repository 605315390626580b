import { type ReactNode, useState } from 'react';
import { errorMessage } from '../api/client.js';
import { useAllPages } from '../api/use-all-pages.js';
import { useMay } from '../app/roles.js';
import { useTitle } from '../app/title.js';
import { usePolling } from '../lib/use-polling.js';
import { Loading, PageHead } from '../ui/panel.js';
import { Notice } from '../ui/status.js';
import { AgentsPanel } from './agents-panel.js';
import { CommandPanel } from './command-panel.js';
import { AGENTS, type CreatedToken, SITE_NAMES, TOKENS } from './enrol.documents.js';
import { TokenWizard } from './token-wizard.js';
import { TokensPanel } from './tokens-panel.js';

/** While a command waits for its agent the page looks every second, else at leisure; in milliseconds. */
const WATCH_EVERY_MS = 1000;
const REREAD_EVERY_MS = 5000;

/** A token just made, and the agents that were there before it. */
interface Made {
  created: CreatedToken;
  knownBefore: ReadonlySet<string>;
}

export function EnrolPage(): ReactNode {
  useTitle('Enrol a site');
  const mayChange = useMay('agents:write');
  const [made, setMade] = useState<Made>();
  const [sites, rereadSites] = useAllPages(SITE_NAMES);
  const [agents, rereadAgents] = useAllPages(AGENTS);
  const [tokens, rereadTokens] = useAllPages(TOKENS);
  const watchMs = made === undefined ? REREAD_EVERY_MS : WATCH_EVERY_MS;
  usePolling(rereadSites, REREAD_EVERY_MS);
  usePolling(rereadAgents, watchMs);
  usePolling(rereadTokens, watchMs);
  const reread = (): void => {
    rereadSites();
    rereadAgents();
    rereadTokens();
  };
  const error = sites.error ?? agents.error ?? tokens.error;
  const head = (
    <PageHead title="Enrol a site">
      Make a token, run one command on the machine in front of the site’s network, and watch it come up here.
    </PageHead>
  );
  if (sites.items === undefined || agents.items === undefined || tokens.items === undefined) {
    return (
      <>
        {head}
        {error === undefined ? (
          <Loading rows={6} />
        ) : (
          <Notice tone="bad" title="Sites cannot be read">
            {errorMessage(error)}
          </Notice>
        )}
      </>
    );
  }
  const known = agents.items;
  const onMade = (created: CreatedToken): void => {
    setMade({ created, knownBefore: new Set(known.map(({ id }) => id)) });
    reread();
  };
  const pending = known.filter(({ state }) => state === 'PENDING');
  return (
    <>
      {head}
      <div className="space-y-4">
        {error !== undefined && (
          <Notice tone="warn" title="This page could not be read again">
            {errorMessage(error)}
          </Notice>
        )}
        {!mayChange && (
          <Notice tone="neutral" title="You may look, not enrol">
            Enrolling takes the role admin or higher: ask an owner of your organization.
          </Notice>
        )}
        {pending.length > 0 && (
          <AgentsPanel
            id="pending"
            title="Agents that wait for approval"
            agents={pending}
            onChanged={reread}
          />
        )}
        {made !== undefined ? (
          <CommandPanel
            created={made.created}
            knownBefore={made.knownBefore}
            agents={known}
            onApproved={reread}
            onAnother={() => {
              setMade(undefined);
            }}
          />
        ) : (
          mayChange && <TokenWizard sites={sites.items} onMade={onMade} />
        )}
        <TokensPanel tokens={tokens.items} onChanged={reread} />
        <AgentsPanel
          id="agents"
          title="Enrolled agents"
          agents={known.filter(({ state }) => state !== 'PENDING')}
          onChanged={reread}
        />
      </div>
    </>
  );
}
