import { History } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import { useQuery } from 'urql';
import { errorMessage } from '../api/client.js';
import type { Link, TelemetryTotal } from '../api/schema.js';
import { bytes, count, ratio, significantInteger, text } from '../lib/format.js';
import { longDuration } from '../lib/time.js';
import { fromHistory } from '../live/series.js';
import { Segmented, SelectField } from '../ui/field.js';
import { Empty, Loading, Panel } from '../ui/panel.js';
import { BigNumber } from '../ui/quantity.js';
import { Notice } from '../ui/status.js';
import { type FleetSite, TelemetryQuery } from './fleet.documents.js';
import { HISTORY_RANGES, type HistoryRange, useHistoryStart } from './history-range.js';
import { LinkCharts } from './link-charts.js';
import { WorstLinks } from './worst-links.js';

const RANGES = Object.entries(HISTORY_RANGES).map(([value, { label }]) => ({
  value: value as HistoryRange,
  label,
}));

/** Everything, or one site or link: `site:ID`, `link:ID`. */
const subjectOf = (value: string): { siteId: string | null; linkId: string | null } => ({
  siteId: value.startsWith('site:') ? value.slice(5) : null,
  linkId: value.startsWith('link:') ? value.slice(5) : null,
});

function Totals({ total }: { total: TelemetryTotal }): ReactNode {
  const { timeSavedSeconds, bytesSaved, acceleratedBytes, bytesSent } = total;
  const { flowsAccelerated, flowsPassed, flowsRefused } = total;
  const smaller = ratio(acceleratedBytes, acceleratedBytes - bytesSaved);
  return (
    <dl className="mb-5 grid grid-cols-2 gap-px overflow-hidden rounded-lg border border-line bg-line lg:grid-cols-4">
      <BigNumber
        label="Time saved"
        of={longDuration(timeSavedSeconds)}
        detail="against TCP at the same round trip and loss"
      />
      <BigNumber
        label="Bytes saved"
        of={bytes(Math.max(0, bytesSaved))}
        detail={smaller === undefined ? 'nothing was compressed' : `${text(smaller)} smaller`}
      />
      <BigNumber label="Carried" of={bytes(bytesSent)} detail="sent, before compression" />
      <BigNumber
        label="Accelerated"
        of={{
          value: significantInteger(flowsAccelerated),
          unit: flowsAccelerated === 1 ? 'flow' : 'flows',
        }}
        detail={`${count(flowsPassed, 'flow')} went straight, ${count(flowsRefused, 'flow')} refused`}
      />
    </dl>
  );
}

function Series({ subject, range }: { subject: string; range: HistoryRange }): ReactNode {
  const from = useHistoryStart(range);
  const variables = useMemo(() => ({ from, ...subjectOf(subject) }), [from, subject]);
  const [{ data, error }] = useQuery({
    query: TelemetryQuery,
    variables,
    requestPolicy: 'cache-and-network',
  });
  const points = useMemo(() => data?.telemetry.points.map(fromHistory) ?? [], [data]);
  if (data === undefined) {
    return error === undefined ? (
      <Loading rows={8} label="Loading the history" />
    ) : (
      <Notice tone="bad" title="The history cannot be read">
        {errorMessage(error)}
      </Notice>
    );
  }
  const { total, resolutionSeconds } = data.telemetry;
  if (total === null) {
    return (
      <Empty icon={<History className="size-5" />} title="Nothing measured in this time">
        Agents report while they run, and a minute shows here shortly after it is over. Choose a longer range.
      </Empty>
    );
  }
  return (
    <>
      <Totals total={total} />
      <LinkCharts points={points} minutes={HISTORY_RANGES[range].minutes} stepMs={resolutionSeconds * 1000} />
    </>
  );
}

/** What was carried, saved and lost over hours to weeks: of the fleet, a site or a link. */
export function HistoryPanel({
  sites,
  links,
}: {
  sites: readonly FleetSite[];
  links: readonly Link[];
}): ReactNode {
  const [range, setRange] = useState<HistoryRange>('24h');
  const [subject, setSubject] = useState('');
  const choices = [
    { value: '', label: 'Whole fleet' },
    ...sites.map(({ id, name }) => ({ value: `site:${id}`, label: name, group: 'Sites' })),
    ...links.map(({ id, siteA, siteB }) => ({
      value: `link:${id}`,
      label: `${siteA.name} → ${siteB.name}`,
      group: 'Links',
    })),
  ];
  return (
    <Panel
      id="history"
      title="Over time"
      actions={
        <>
          <SelectField
            label="Fleet, site or link"
            labelHidden
            value={subject}
            choices={choices}
            onChoose={setSubject}
          />
          <Segmented label="Range" value={range} choices={RANGES} onChoose={setRange} />
        </>
      }
    >
      <Series subject={subject} range={range} />
      {subject === '' && <WorstLinks range={range} />}
    </Panel>
  );
}
