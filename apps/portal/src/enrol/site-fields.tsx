import type { ReactNode } from 'react';
import { completePrefix, isPrefix } from '../lib/address.js';
import { ChipField } from '../ui/chip-field.js';
import { TextField } from '../ui/field.js';
import type { SiteInput } from './enrol.documents.js';

export const EMPTY_SITE: SiteInput = {
  name: '',
  location: null,
  labels: [],
  lanPrefixes: [],
  bandwidthUpMbps: null,
  bandwidthDownMbps: null,
};

const megabits = (text: string): number | null => (text === '' ? null : Number(text));

/** What has to be known of a new site. */
export function SiteFields({
  site,
  onChange,
}: {
  site: SiteInput;
  onChange: (site: SiteInput) => void;
}): ReactNode {
  const set = (change: Partial<SiteInput>): void => {
    onChange({ ...site, ...change });
  };
  const bandwidth = (label: string, key: 'bandwidthUpMbps' | 'bandwidthDownMbps'): ReactNode => (
    <TextField
      label={label}
      type="number"
      min={0.1}
      max={100_000}
      step="any"
      placeholder="unknown"
      value={site[key] ?? ''}
      onChange={(event) => {
        set({ [key]: megabits(event.target.value) });
      }}
    />
  );
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <TextField
        label="Name of the site"
        required
        maxLength={100}
        placeholder="New York"
        value={site.name}
        onChange={(event) => {
          set({ name: event.target.value });
        }}
      />
      <TextField
        label="Location"
        maxLength={200}
        placeholder="60 Hudson Street"
        value={site.location ?? ''}
        onChange={(event) => {
          set({ location: event.target.value === '' ? null : event.target.value });
        }}
      />
      <ChipField
        label="Networks behind it"
        hint="Address blocks. Peers may open connections to these, and to nothing else."
        placeholder="10.1.0.0/16"
        mono
        values={site.lanPrefixes}
        normalize={completePrefix}
        problem={(text) =>
          isPrefix(text) ? undefined : `“${text}” is not an address block such as 10.1.0.0/16.`
        }
        onChange={(lanPrefixes) => {
          set({ lanPrefixes });
        }}
      />
      <ChipField
        label="Labels"
        hint="For rules that cover many sites."
        placeholder="datacentre"
        values={site.labels}
        onChange={(labels) => {
          set({ labels });
        }}
      />
      {bandwidth('Bandwidth up, Mbit/s', 'bandwidthUpMbps')}
      {bandwidth('Bandwidth down, Mbit/s', 'bandwidthDownMbps')}
    </div>
  );
}
