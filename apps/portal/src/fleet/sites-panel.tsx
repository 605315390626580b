import { type ReactNode, useState } from 'react';
import { count, rate, significantInteger } from '../lib/format.js';
import { TextField } from '../ui/field.js';
import { Panel } from '../ui/panel.js';
import { Measure } from '../ui/quantity.js';
import { Badge, Status } from '../ui/status.js';
import { useBeginning } from '../ui/show-more.js';
import { Table, Td, Th } from '../ui/table.js';
import { SITE_HEALTH, type SiteView } from './model.js';

const FIRST_ROWS = 25;
/** From so many sites on, a filter is worth its place. */
const FILTER_FROM = 8;

const matches = ({ site }: SiteView, filter: string): boolean =>
  [site.name, site.location ?? '', ...site.labels, ...site.lanPrefixes].some((each) =>
    each.toLowerCase().includes(filter.toLowerCase()),
  );

const PartOf = ({ part, total }: { part: number; total: number }): ReactNode => (
  <span className="num live-value">
    {significantInteger(part)}
    <span className="text-ink-3"> of {significantInteger(total)}</span>
  </span>
);

function SiteRow({ view }: { view: SiteView }): ReactNode {
  const { site } = view;
  const { tone, word } = SITE_HEALTH[view.health];
  return (
    <tr>
      <Td className="min-w-40">
        <span className="font-medium">{site.name}</span>
        {site.location !== null && site.location !== '' && (
          <span className="block text-xs text-ink-3">{site.location}</span>
        )}
      </Td>
      <Td>
        <Status live tone={tone}>
          {word}
        </Status>
      </Td>
      <Td right>
        <PartOf part={view.agentsOnline} total={view.agents} />
      </Td>
      <Td right>
        <PartOf part={view.linksUp} total={view.links} />
      </Td>
      <Td right>
        <Measure of={rate(view.sentMbps)} live />
      </Td>
      <Td right>
        <Measure of={rate(view.receivedMbps)} live />
      </Td>
      <Td right>
        {view.drifted === 0 ? (
          <span className="text-ink-3">none</span>
        ) : (
          <Badge tone="warn">{count(view.drifted, 'agent')}</Badge>
        )}
      </Td>
      <Td>
        <span className="flex flex-wrap gap-1">
          {site.lanPrefixes.map((prefix) => (
            <code key={prefix} className="rounded bg-sunken px-1.5 font-mono text-2xs leading-5 text-ink-2">
              {prefix}
            </code>
          ))}
          {site.labels.map((label) => (
            <Badge key={label} tone="accent">
              {label}
            </Badge>
          ))}
        </span>
      </Td>
    </tr>
  );
}

/** All sites, those that need a person first. */
export function SitesPanel({ sites }: { sites: readonly SiteView[] }): ReactNode {
  const [filter, setFilter] = useState('');
  const found = sites.filter((view) => matches(view, filter.trim()));
  const { shown, more } = useBeginning(found, FIRST_ROWS, `Show more of ${count(found.length, 'site')}`);
  return (
    <Panel
      id="sites"
      title="Sites"
      hint={count(sites.length, 'site')}
      flush
      actions={
        sites.length >= FILTER_FROM && (
          <TextField
            label="Filter sites"
            labelHidden
            type="search"
            placeholder="Name, place, label, prefix"
            className="w-56"
            value={filter}
            onChange={(event) => {
              setFilter(event.target.value);
            }}
          />
        )
      }
    >
      <Table
        label="Sites"
        head={
          <>
            <Th>Site</Th>
            <Th>State</Th>
            <Th right>Agents online</Th>
            <Th right>Links up</Th>
            <Th right>Sends</Th>
            <Th right>Receives</Th>
            <Th right>Drift</Th>
            <Th>Networks and labels</Th>
          </>
        }
      >
        {shown.map((view) => (
          <SiteRow key={view.site.id} view={view} />
        ))}
      </Table>
      {found.length === 0 && (
        <p className="px-4 py-6 text-center text-sm text-ink-2">No site matches “{filter}”.</p>
      )}
      {more}
    </Panel>
  );
}
