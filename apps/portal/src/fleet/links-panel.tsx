import { Link, useNavigate } from '@tanstack/react-router';
import { Waypoints } from 'lucide-react';
import type { ReactNode } from 'react';
import { count, delay, percent, rate } from '../lib/format.js';
import { RECENT_FRAMES } from '../live/feed.js';
import { useLiveFeed } from '../live/use-feed.js';
import { classes } from '../ui/classes.js';
import { Empty, Panel } from '../ui/panel.js';
import { Measure } from '../ui/quantity.js';
import { Sparkline } from '../ui/sparkline.js';
import { Status } from '../ui/status.js';
import { useBeginning } from '../ui/show-more.js';
import { Table, Td, Th } from '../ui/table.js';
import { HEALTH, type LinkView } from './model.js';

/** Links in sight before the list is asked for more. */
const FIRST_ROWS = 6;

function useRecentRates(view: LinkView): number[] {
  const feed = useLiveFeed();
  const perDirection = view.directions.map(({ agentId }) => feed.recentLink(view.link.id, agentId));
  const length = Math.max(0, ...perDirection.map((points) => points.length));
  return Array.from({ length }, (_, index) =>
    perDirection.reduce((sum, points) => sum + (points.at(index - length)?.sentMbps ?? 0), 0),
  );
}

function LinkRow({ view, chosen }: { view: LinkView; chosen: boolean }): ReactNode {
  const navigate = useNavigate();
  const recent = useRecentRates(view);
  const { tone, word } = HEALTH[view.health];
  const search = { link: view.link.id };
  const known = view.directions.length > 0;
  return (
    <tr
      className={classes(
        'cursor-pointer',
        chosen ? 'bg-accent-soft shadow-[inset_3px_0_0_var(--accent)]' : 'hover:bg-sunken',
      )}
      onClick={() => {
        void navigate({ to: '/fleet', search, resetScroll: false });
      }}
    >
      <Td className="min-w-36">
        <Link
          to="/fleet"
          search={search}
          resetScroll={false}
          aria-current={chosen ? 'true' : undefined}
          className="font-medium"
          onClick={(event) => {
            event.stopPropagation();
          }}
        >
          {view.title}
        </Link>
      </Td>
      <Td>
        <Status live tone={tone} pulse={view.health === 'connecting'}>
          {word}
        </Status>
      </Td>
      <Td right>
        <Measure of={view.rttMs === undefined ? undefined : delay(view.rttMs)} live />
      </Td>
      <Td right>
        <Measure of={known ? percent(view.lossPct) : undefined} live />
      </Td>
      <Td right>
        <Measure of={known ? rate(view.sentMbps) : undefined} live />
      </Td>
      <Td right>
        <Measure of={known ? rate(view.wireSentMbps) : undefined} live />
      </Td>
      <Td className="py-0 max-sm:hidden">
        <Sparkline values={recent} slots={RECENT_FRAMES} />
      </Td>
    </tr>
  );
}

/** All links, the worst first. */
export function LinksPanel({
  views,
  chosenId,
}: {
  views: readonly LinkView[];
  chosenId: string | undefined;
}): ReactNode {
  const { shown, more } = useBeginning(views, FIRST_ROWS, `Show more of ${count(views.length, 'link')}`);
  if (views.length === 0) {
    return (
      <Panel id="links" title="Links">
        <Empty
          icon={<Waypoints className="size-5" />}
          title="No link yet"
          action={
            <Link to="/enrol" className="text-sm font-medium text-accent underline underline-offset-2">
              Enrol another site
            </Link>
          }
        >
          A link joins two sites that have an agent. It appears by itself with the second one.
        </Empty>
      </Panel>
    );
  }
  return (
    <Panel id="links" title="Links" hint="worst first" flush>
      <Table
        label="Links, worst first"
        head={
          <>
            <Th>Between</Th>
            <Th>State</Th>
            <Th right>Round trip</Th>
            <Th right>Loss</Th>
            <Th right>Before compression</Th>
            <Th right>On the wire</Th>
            <Th className="max-sm:hidden">Last minute</Th>
          </>
        }
      >
        {shown.map((view) => (
          <LinkRow key={view.link.id} view={view} chosen={view.link.id === chosenId} />
        ))}
      </Table>
      {more}
    </Panel>
  );
}
