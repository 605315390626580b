import { Link, getRouteApi } from '@tanstack/react-router';
import { MapPinned } from 'lucide-react';
import { type ReactNode, useMemo } from 'react';
import { useQuery } from 'urql';
import { OpenAlerts } from '../alerts/open-alerts.js';
import { errorMessage } from '../api/client.js';
import { useAllPages } from '../api/use-all-pages.js';
import { useViewer } from '../app/session.js';
import { useTitle } from '../app/title.js';
import { rate, ratio, significantInteger, text } from '../lib/format.js';
import { usePolling } from '../lib/use-polling.js';
import { useFeed } from '../live/use-feed.js';
import { Button } from '../ui/button.js';
import { Empty, Loading, PageHead, Panel } from '../ui/panel.js';
import { BigNumber } from '../ui/quantity.js';
import { Notice } from '../ui/status.js';
import { FleetQuery, LINKS, SITES } from './fleet.documents.js';
import { FlowsPanel } from './flows-panel.js';
import { HistoryPanel } from './history-panel.js';
import { LinkDetail } from './link-detail.js';
import { LinksPanel } from './links-panel.js';
import { fleetTotals, linkViews, siteViews, type Totals } from './model.js';
import { SitesPanel } from './sites-panel.js';

/** What the feed does not carry (new sites, new links) is read this often, in milliseconds. */
const REREAD_EVERY_MS = 10_000;

const route = getRouteApi('/signed-in/fleet');

const whole = (value: number): { value: string; unit: string } => ({
  value: significantInteger(value),
  unit: '',
});

const outOf = (part: number, total: number, unit: string): { value: string; unit: string } => ({
  value: significantInteger(part),
  unit: `of ${significantInteger(total)} ${unit}`,
});

function BigNumbers({ totals }: { totals: Totals }): ReactNode {
  const { agents, agentsOnline, links, linksUp, drifted, sentMbps, wireSentMbps } = totals;
  const saved = wireSentMbps === undefined ? undefined : ratio(sentMbps, wireSentMbps);
  return (
    <dl className="grid grid-cols-2 gap-px overflow-hidden rounded-lg border border-line bg-line lg:grid-cols-4">
      <BigNumber
        label="Throughput now"
        of={rate(sentMbps)}
        detail={
          saved === undefined || wireSentMbps === undefined
            ? 'all sites, before compression'
            : `${text(rate(wireSentMbps))} on the wire, ${text(saved)} smaller`
        }
      />
      <BigNumber
        label="Agents online"
        of={outOf(agentsOnline, agents, agents === 1 ? 'agent' : 'agents')}
        detail={
          agentsOnline === agents
            ? 'every one is connected'
            : `${significantInteger(agents - agentsOnline)} not connected`
        }
        {...(agentsOnline < agents && { tone: 'bad' as const })}
      />
      <BigNumber
        label="Links up"
        of={outOf(linksUp, links, links === 1 ? 'link' : 'links')}
        detail={linksUp === links ? 'every site reaches its peers' : 'traffic of the others goes straight'}
        {...(linksUp < links && { tone: 'bad' as const })}
      />
      <BigNumber
        label="Drift"
        of={{ ...whole(drifted), unit: drifted === 1 ? 'agent' : 'agents' }}
        detail={drifted === 0 ? 'all run what is wanted of them' : 'not yet running what is wanted'}
        {...(drifted > 0 && { tone: 'warn' as const })}
      />
    </dl>
  );
}

function NoSites(): ReactNode {
  return (
    <Panel id="no-sites" title="Your fleet">
      <Empty
        icon={<MapPinned className="size-5" />}
        title="No site yet"
        action={
          <Link to="/enrol">
            <Button variant="primary" tabIndex={-1}>
              Enrol the first site
            </Button>
          </Link>
        }
      >
        A site is a place with an agent in front of its network. Enrol two of them, and TCP between them goes
        the fast way.
      </Empty>
    </Panel>
  );
}

function Fleet(): ReactNode {
  const search = route.useSearch();
  const { frame } = useFeed();
  const [summary, rereadSummary] = useQuery({ query: FleetQuery, requestPolicy: 'cache-and-network' });
  const [sites, rereadSites] = useAllPages(SITES);
  const [links, rereadLinks] = useAllPages(LINKS);
  usePolling(rereadSummary, REREAD_EVERY_MS);
  usePolling(rereadSites, REREAD_EVERY_MS);
  usePolling(rereadLinks, REREAD_EVERY_MS);
  const views = useMemo(() => linkViews(links.items ?? [], frame), [links.items, frame]);
  const error = summary.error ?? sites.error ?? links.error;
  if (summary.data === undefined || sites.items === undefined || links.items === undefined) {
    return error === undefined ? (
      <Loading rows={6} />
    ) : (
      <Notice tone="bad" title="The fleet cannot be read">
        {errorMessage(error)}
      </Notice>
    );
  }
  if (sites.items.length === 0) return <NoSites />;
  const chosen = views.find(({ link }) => link.id === search.link) ?? views[0];
  return (
    <div className="space-y-4">
      {error !== undefined && (
        <Notice tone="warn" title="Sites and links could not be read again">
          {errorMessage(error)}
        </Notice>
      )}
      <OpenAlerts />
      <BigNumbers totals={fleetTotals(summary.data.fleet, views, frame)} />
      <LinksPanel views={views} chosenId={chosen?.link.id} />
      {chosen !== undefined && <LinkDetail key={chosen.link.id} view={chosen} search={search} />}
      <HistoryPanel sites={sites.items} links={links.items} />
      <SitesPanel sites={siteViews(sites.items, views, frame)} />
      <FlowsPanel sites={sites.items} />
    </div>
  );
}

export function FleetPage(): ReactNode {
  useTitle('Fleet');
  const { organization } = useViewer();
  return (
    <>
      <PageHead title="Fleet">
        {organization.name}: what acceleration gives now, and what needs a look.
      </PageHead>
      <Fleet />
    </>
  );
}
