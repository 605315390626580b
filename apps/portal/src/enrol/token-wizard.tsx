import { type FormEvent, type ReactNode, useState } from 'react';
import { useMutation } from 'urql';
import { errorMessage } from '../api/client.js';
import { isPrefix } from '../lib/address.js';
import type { SiteName } from '../api/schema.js';
import { Button } from '../ui/button.js';
import { Checkbox, Segmented, SelectField, TextField } from '../ui/field.js';
import { Panel } from '../ui/panel.js';
import { Notice } from '../ui/status.js';
import {
  CreateSiteMutation,
  type CreatedToken,
  CreateTokenMutation,
  type SiteInput,
} from './enrol.documents.js';
import { EXPIRIES, type ExpiryHours, expiresAt } from './expiry.js';
import { EMPTY_SITE, SiteFields } from './site-fields.js';

type Where = 'new' | 'existing';

interface TokenForm {
  uses: number;
  hours: ExpiryHours;
  needsApproval: boolean;
}

function Legend({ step, children }: { step: number; children: string }): ReactNode {
  return (
    <legend className="mb-3 flex items-center gap-2.5 text-sm font-semibold">
      <span
        aria-hidden
        className="num flex size-5.5 items-center justify-center rounded-full bg-accent-soft text-xs text-accent"
      >
        {step}
      </span>
      {children}
    </legend>
  );
}

function TokenFields({
  form,
  onChange,
}: {
  form: TokenForm;
  onChange: (form: TokenForm) => void;
}): ReactNode {
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <TextField
        label="May be used, times"
        type="number"
        min={1}
        max={10_000}
        required
        hint={
          form.uses === 1
            ? 'For one agent, then it is used up.'
            : `For up to ${String(form.uses)} agents of this site.`
        }
        value={form.uses}
        onChange={(event) => {
          onChange({ ...form, uses: Math.max(1, Math.floor(Number(event.target.value))) });
        }}
      />
      <SelectField
        label="Ends after"
        hint="An ended token enrols nothing. Agents that it enrolled stay."
        value={form.hours}
        choices={EXPIRIES}
        onChoose={(hours) => {
          onChange({ ...form, hours });
        }}
      />
      <div className="sm:col-span-2">
        <Checkbox
          label="An admin approves each agent"
          hint="Until then it may say hello and nothing more."
          checked={form.needsApproval}
          onChange={(event) => {
            onChange({ ...form, needsApproval: event.target.checked });
          }}
        />
      </div>
    </div>
  );
}

/** Creates the site, if it is new, and the token; `siteId` is kept, so that a second try does not make a second site. */
function useCreate(onMade: (created: CreatedToken) => void): {
  create: (site: SiteName | SiteInput, form: TokenForm) => Promise<void>;
  busy: boolean;
  error: string | undefined;
} {
  const [siteResult, createSite] = useMutation(CreateSiteMutation);
  const [tokenResult, createToken] = useMutation(CreateTokenMutation);
  const [madeSite, setMadeSite] = useState<SiteName>();

  const siteFor = async (site: SiteName | SiteInput): Promise<SiteName | undefined> => {
    if ('id' in site) return site;
    if (madeSite?.name === site.name) return madeSite;
    const { data } = await createSite({ input: site });
    setMadeSite(data?.createSite);
    return data?.createSite;
  };
  const create = async (wanted: SiteName | SiteInput, form: TokenForm): Promise<void> => {
    const site = await siteFor(wanted);
    if (site === undefined) return;
    const { data } = await createToken({
      input: {
        name: `${site.name}, ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
        siteId: site.id,
        maxUses: form.uses,
        expiresAt: expiresAt(form.hours, Date.now()),
        needsApproval: form.needsApproval,
      },
    });
    if (data) onMade(data.createEnrollmentToken);
  };
  const error = siteResult.error ?? tokenResult.error;
  return { create, busy: siteResult.fetching || tokenResult.fetching, error: error && errorMessage(error) };
}

/** Which site, and what its token may do. */
export function TokenWizard({
  sites,
  onMade,
}: {
  sites: readonly SiteName[];
  onMade: (created: CreatedToken) => void;
}): ReactNode {
  const [where, setWhere] = useState<Where>(sites.length === 0 ? 'new' : 'existing');
  const [siteId, setSiteId] = useState(sites[0]?.id ?? '');
  const [newSite, setNewSite] = useState(EMPTY_SITE);
  const [form, setForm] = useState<TokenForm>({ uses: 1, hours: '24', needsApproval: false });
  const { create, busy, error } = useCreate(onMade);
  const chosen = where === 'new' ? newSite : sites.find(({ id }) => id === siteId);
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    const unread = where === 'new' && !newSite.lanPrefixes.every(isPrefix);
    if (chosen !== undefined && !unread) void create(chosen, form);
  };
  return (
    <Panel id="wizard" title="New enrolment">
      <form onSubmit={onSubmit} className="space-y-6">
        {error !== undefined && (
          <Notice tone="bad" title="No token was made">
            {error}
          </Notice>
        )}
        <div className="grid gap-x-10 gap-y-6 lg:grid-cols-2">
          <fieldset className="min-w-0">
            <Legend step={1}>Which site</Legend>
            {sites.length > 0 && (
              <div className="mb-4">
                <Segmented
                  label="Site"
                  value={where}
                  choices={[
                    { value: 'existing', label: 'A site that is here' },
                    { value: 'new', label: 'A new site' },
                  ]}
                  onChoose={setWhere}
                />
              </div>
            )}
            {where === 'new' ? (
              <SiteFields site={newSite} onChange={setNewSite} />
            ) : (
              <SelectField
                label="Site"
                className="max-w-sm"
                value={siteId}
                choices={sites.map(({ id, name }) => ({ value: id, label: name }))}
                onChoose={setSiteId}
              />
            )}
          </fieldset>
          <fieldset className="min-w-0">
            <Legend step={2}>What the token may do</Legend>
            <TokenFields form={form} onChange={setForm} />
          </fieldset>
        </div>
        <Button type="submit" variant="primary" busy={busy}>
          {where === 'new' ? 'Create the site and its command' : 'Create the command'}
        </Button>
      </form>
    </Panel>
  );
}
