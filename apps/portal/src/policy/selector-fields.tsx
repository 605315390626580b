import type { ReactNode } from 'react';
import type { Selector } from '../api/schema.js';
import { completePrefix, isPrefix } from '../lib/address.js';
import { ChipField } from '../ui/chip-field.js';
import type { PolicyNames } from './describe.js';

const ANYWHERE = 'anywhere';

/** Where traffic comes from or goes to: sites, labels, address blocks; nothing at all means anywhere. */
export function SelectorFields({
  title,
  selector,
  names,
  onChange,
}: {
  title: string;
  selector: Selector;
  names: PolicyNames;
  onChange: (selector: Selector) => void;
}): ReactNode {
  const siteName = (id: string): string => names.sites.find((site) => site.id === id)?.name ?? id;
  const labels = [...new Set(names.sites.flatMap((site) => site.labels))].sort();
  const siteNames = names.sites.map(({ name }) => name);
  return (
    <fieldset className="min-w-0 space-y-3">
      <legend className="mb-2 text-xs font-semibold tracking-wide text-ink-3 uppercase">{title}</legend>
      <ChipField
        label="Sites"
        whole
        placeholder={ANYWHERE}
        values={selector.siteIds.map(siteName)}
        suggestions={siteNames}
        problem={(name) => (siteNames.includes(name) ? undefined : `There is no site “${name}”.`)}
        normalize={(typed) => siteNames.find((name) => name.toLowerCase() === typed.toLowerCase()) ?? typed}
        onChange={(chosen) => {
          // A name that is no site's stays as it is: the save refuses it.
          const siteIds = chosen.map((name) => names.sites.find((site) => site.name === name)?.id ?? name);
          onChange({ ...selector, siteIds });
        }}
      />
      <ChipField
        label="Labels"
        placeholder="any"
        values={selector.labels}
        suggestions={labels}
        onChange={(chosen) => {
          onChange({ ...selector, labels: chosen });
        }}
      />
      <ChipField
        label="Address blocks"
        placeholder="any"
        mono
        values={selector.prefixes}
        normalize={completePrefix}
        problem={(text) =>
          isPrefix(text) ? undefined : `“${text}” is not an address block such as 10.1.0.0/16.`
        }
        onChange={(prefixes) => {
          onChange({ ...selector, prefixes });
        }}
      />
    </fieldset>
  );
}
