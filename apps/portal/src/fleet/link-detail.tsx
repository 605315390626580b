import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { type FleetSearch, SERIES_MINUTES } from '../app/router.js';
import { useLinkSeries } from '../live/use-link-series.js';
import { Segmented } from '../ui/field.js';
import { Empty, Loading, Panel } from '../ui/panel.js';
import { Notice } from '../ui/status.js';
import { Activity } from 'lucide-react';
import { LinkCharts } from './link-charts.js';
import { HEALTH, type Direction, type LinkView } from './model.js';

const DEFAULT_MINUTES = 5;

/** The direction that carried most when the link was chosen: it is the one that people come to see. */
function useBusiest(directions: readonly Direction[]): string | undefined {
  const [agentId] = useState(() => {
    const sent = ({ point }: Direction): number => point?.sentMbps ?? 0;
    return directions.toSorted((a, b) => sent(b) - sent(a))[0]?.agentId;
  });
  return agentId;
}

const RANGES = SERIES_MINUTES.map((minutes) => ({
  value: String(minutes),
  label: minutes < 60 ? `${String(minutes)} min` : `${String(minutes / 60)} h`,
}));

function Charts({
  view,
  direction,
  minutes,
}: {
  view: LinkView;
  direction: Direction;
  minutes: number;
}): ReactNode {
  const { points, loading, error } = useLinkSeries(view.link.id, direction.agentId, minutes);
  if (loading && points.length === 0) return <Loading rows={8} label="Loading the series" />;
  if (points.length === 0) {
    return (
      <Empty icon={<Activity className="size-5" />} title="Nothing measured in this time">
        {error ??
          `${direction.hostname} sends its measurements once a second while it runs. Choose a longer range, or start it.`}
      </Empty>
    );
  }
  return (
    <div className="space-y-5">
      {error !== undefined && (
        <Notice tone="warn" title="Stored measurements could not be read">
          {error}
        </Notice>
      )}
      <LinkCharts {...{ points, minutes }} />
    </div>
  );
}

/** One link, seen from one of its ends: its live series over the chosen range. */
export function LinkDetail({ view, search }: { view: LinkView; search: FleetSearch }): ReactNode {
  const navigate = useNavigate();
  const busiest = useBusiest(view.directions);
  const seenFrom = (id: string | undefined): Direction | undefined =>
    view.directions.find(({ agentId }) => agentId === id);
  const direction = seenFrom(search.from) ?? seenFrom(busiest) ?? view.directions[0];
  const minutes = search.minutes ?? DEFAULT_MINUTES;
  const show = (change: Partial<FleetSearch>): void => {
    void navigate({
      to: '/fleet',
      search: { ...search, link: view.link.id, ...change },
      replace: true,
      resetScroll: false,
    });
  };
  return (
    <Panel
      id="link"
      title={view.title}
      hint={`${view.link.profile.toLowerCase()} profile · ${view.link.cipherSuite.replaceAll('_', '-')} · ${HEALTH[view.health].word.toLowerCase()}`}
      actions={
        <>
          {direction !== undefined && (
            <Segmented
              label="Direction"
              value={direction.agentId}
              choices={view.directions.map(({ agentId, from, to }) => ({
                value: agentId,
                label: `${from} → ${to}`,
              }))}
              onChoose={(from) => {
                show({ from });
              }}
            />
          )}
          <Segmented
            label="Range"
            value={String(minutes)}
            choices={RANGES}
            onChoose={(value) => {
              const chosen = SERIES_MINUTES.find((each) => String(each) === value);
              if (chosen) show({ minutes: chosen });
            }}
          />
        </>
      }
    >
      {direction === undefined ? (
        <Empty icon={<Activity className="size-5" />} title="No agent at one of the ends">
          Enrol an agent at both sites, and the link measures itself.
        </Empty>
      ) : (
        <Charts view={view} direction={direction} minutes={minutes} />
      )}
    </Panel>
  );
}
