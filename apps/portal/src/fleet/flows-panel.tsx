import { Link } from '@tanstack/react-router';
import { ArrowRightLeft } from 'lucide-react';
import { type ReactNode, useDeferredValue, useEffect, useMemo, useState } from 'react';
import { useQuery } from 'urql';
import { errorMessage } from '../api/client.js';
import type { Flow } from '../api/schema.js';
import { bytes, rate, ratio } from '../lib/format.js';
import { calendarTime, clockTime, duration, useNow } from '../lib/time.js';
import { usePolling } from '../lib/use-polling.js';
import type { LiveFlow } from '../live/frame.js';
import { useFeed } from '../live/use-feed.js';
import { Button } from '../ui/button.js';
import type { Tone } from '../ui/classes.js';
import { SelectField, TextField } from '../ui/field.js';
import { Empty, Loading, Panel } from '../ui/panel.js';
import { Measure } from '../ui/quantity.js';
import { Badge, Notice } from '../ui/status.js';
import { Table, Td, Th } from '../ui/table.js';
import { type FleetSite, type FlowFilter, FlowNamesQuery, FlowsQuery } from './fleet.documents.js';
import { parseFlowSearch } from './flow-search.js';

const PAGE_ROWS = 25;
const REREAD_EVERY_MS = 5000;

const HANDLING: Record<string, { tone: Tone; word: string }> = {
  accelerated: { tone: 'good', word: 'Accelerated' },
  passed: { tone: 'neutral', word: 'Passed' },
  refused: { tone: 'bad', word: 'Refused' },
};

const HANDLING_CHOICES = [
  { value: '', label: 'Any handling' },
  ...Object.entries(HANDLING).map(([value, { word }]) => ({ value, label: word })),
];

interface Names {
  application: (port: number) => string | undefined;
  rule: (id: string | null) => string | undefined;
}

function useNames(): Names {
  const [{ data }] = useQuery({ query: FlowNamesQuery });
  return useMemo(() => {
    const rules = new Map(data?.policy.document.rules.map(({ id, name }) => [id, name]));
    return {
      application: (port) =>
        data?.applications.find(({ ports }) => ports.some(({ from, to }) => from <= port && port <= to))
          ?.title,
      rule: (id) => (id === null ? undefined : rules.get(id)),
    };
  }, [data]);
}

function FlowRow({
  flow,
  live,
  names,
  nowMs,
}: {
  flow: Flow;
  live: LiveFlow | undefined;
  names: Names;
  nowMs: number;
}): ReactNode {
  const started = new Date(flow.startedAt);
  const endMs = flow.ended === null ? nowMs : Date.parse(flow.lastSeenAt);
  const handling = HANDLING[flow.handling] ?? { tone: 'neutral' as const, word: flow.handling };
  const application = names.application(flow.destinationPort);
  const rule = names.rule(flow.ruleId);
  return (
    <tr>
      <Td title={calendarTime(started)}>
        <span className="num">{clockTime(started)}</span>
        <span className="block text-xs whitespace-nowrap text-ink-3">
          {flow.ended === null ? 'open' : flow.ended}, {duration(endMs - started.getTime())}
        </span>
      </Td>
      <Td>
        <span className="font-mono text-xs whitespace-nowrap">
          {flow.source} <span className="text-ink-3">→</span> {flow.destination}:{flow.destinationPort}
        </span>
        {application !== undefined && <span className="block text-xs text-ink-3">{application}</span>}
      </Td>
      <Td>
        <Badge tone={handling.tone}>{handling.word}</Badge>
        {(flow.reason ?? rule) !== undefined && (
          <span className="block max-w-52 truncate text-xs text-ink-3" title={flow.reason ?? rule}>
            {flow.reason ?? rule}
          </span>
        )}
      </Td>
      <Td right>
        {live === undefined ? (
          <span className="text-ink-3">–</span>
        ) : (
          <Measure of={rate(live.upMbps + live.downMbps)} live />
        )}
      </Td>
      <Td right>
        <Measure of={bytes(flow.bytesUp)} />
      </Td>
      <Td right>
        <Measure of={bytes(flow.bytesDown)} />
      </Td>
      <Td right>
        <Measure of={ratio(flow.bytesUp + flow.bytesDown, flow.encodedBytesUp + flow.encodedBytesDown)} />
      </Td>
    </tr>
  );
}

const HEAD = (
  <>
    <Th>Started</Th>
    <Th>Connection</Th>
    <Th>Handling</Th>
    <Th right>Rate now</Th>
    <Th right>Sent</Th>
    <Th right>Received</Th>
    <Th right>Compression</Th>
  </>
);

function FlowsTable({ filter, filtered }: { filter: FlowFilter; filtered: boolean }): ReactNode {
  const names = useNames();
  const { frame } = useFeed();
  const nowMs = useNow();
  const [rows, setRows] = useState(PAGE_ROWS);
  const variables = useMemo(() => ({ filter, first: rows, after: null }), [filter, rows]);
  const [{ data, error, fetching }, refetch] = useQuery({
    query: FlowsQuery,
    variables,
    requestPolicy: 'cache-and-network',
  });
  usePolling(refetch, REREAD_EVERY_MS);
  const flows = data?.flows.nodes;
  const known = new Set(flows?.map(({ flowId }) => flowId));
  const unseen = frame?.flows.some(({ flowId }) => !known.has(flowId)) ?? false;
  // A flow that the feed knows and the list does not: read the list soon rather than at its next turn.
  useEffect(() => {
    if (unseen && !fetching) {
      const timer = window.setTimeout(() => {
        refetch({ requestPolicy: 'network-only' });
      }, 1500);
      return () => {
        window.clearTimeout(timer);
      };
    }
    return undefined;
  }, [unseen, fetching, refetch]);

  if (flows === undefined) {
    return error === undefined ? (
      <Loading />
    ) : (
      <div className="p-4">
        <Notice tone="bad" title="Flows cannot be read">
          {errorMessage(error)}
        </Notice>
      </div>
    );
  }
  if (flows.length === 0) {
    return (
      <Empty
        icon={<ArrowRightLeft className="size-5" />}
        title={filtered ? 'No flow matches' : 'No flow yet'}
        action={
          !filtered && (
            <Link to="/policy" className="text-sm font-medium text-accent underline underline-offset-2">
              Look at the policy
            </Link>
          )
        }
      >
        {filtered
          ? 'Loosen the filter: another site, another handling, or no address.'
          : 'A flow is one TCP connection between two sites. Open one that a rule of the policy matches, and it shows here within a second or two.'}
      </Empty>
    );
  }
  const live = new Map(frame?.flows.map((flow) => [flow.flowId, flow]));
  return (
    <>
      <Table label="Recent flows" head={HEAD}>
        {flows.map((flow) => (
          <FlowRow key={flow.flowId} flow={flow} live={live.get(flow.flowId)} names={names} nowMs={nowMs} />
        ))}
      </Table>
      {data?.flows.pageInfo.hasNextPage === true && (
        <div className="border-t border-line p-2 text-center">
          <Button
            variant="ghost"
            small
            busy={fetching}
            onClick={() => {
              setRows(rows + 2 * PAGE_ROWS);
            }}
          >
            Show older flows
          </Button>
        </div>
      )}
    </>
  );
}

/** Recent TCP connections: what became of each, how fast, and what compression made of it. */
export function FlowsPanel({ sites }: { sites: readonly FleetSite[] }): ReactNode {
  const [siteId, setSiteId] = useState('');
  const [handling, setHandling] = useState('');
  const [search, setSearch] = useState('');
  const found = parseFlowSearch(useDeferredValue(search));
  const { address, destinationPort } = found ?? {};
  const filter = useMemo<FlowFilter>(
    () => ({
      ...(address && { address }),
      ...(destinationPort && { destinationPort }),
      ...(siteId && { siteId }),
      ...(handling && { handling }),
    }),
    [address, destinationPort, siteId, handling],
  );
  return (
    <Panel
      id="flows"
      title="Recent flows"
      flush
      actions={
        <>
          <TextField
            label="Address or port"
            labelHidden
            type="search"
            placeholder="Address or :port"
            className="w-44"
            error={found === undefined ? 'A whole address, or a port.' : undefined}
            value={search}
            onChange={(event) => {
              setSearch(event.target.value);
            }}
          />
          <SelectField
            label="Site"
            labelHidden
            className="w-36"
            value={siteId}
            choices={[
              { value: '', label: 'Any site' },
              ...sites.map(({ id, name }) => ({ value: id, label: name })),
            ]}
            onChoose={setSiteId}
          />
          <SelectField
            label="Handling"
            labelHidden
            className="w-36"
            value={handling}
            choices={HANDLING_CHOICES}
            onChoose={setHandling}
          />
        </>
      }
    >
      <FlowsTable filter={filter} filtered={Object.keys(filter).length > 0} />
    </Panel>
  );
}
