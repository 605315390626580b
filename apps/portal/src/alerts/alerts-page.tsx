import type { ReactNode } from 'react';
import { errorMessage } from '../api/client.js';
import { useAllPages } from '../api/use-all-pages.js';
import { useMay } from '../app/roles.js';
import { useTitle } from '../app/title.js';
import { SITE_NAMES } from '../enrol/enrol.documents.js';
import { usePolling } from '../lib/use-polling.js';
import { Loading, PageHead } from '../ui/panel.js';
import { Notice } from '../ui/status.js';
import { ALERT_RULES, FIRING_ALERTS } from './alerts.documents.js';
import { FiringPanel } from './firing-panel.js';
import { PastPanel } from './past-panel.js';
import { RulesPanel } from './rules-panel.js';
import { WebhooksPanel } from './webhooks-panel.js';

/** Rules are evaluated this often; in milliseconds. */
const REREAD_EVERY_MS = 5000;

/** What is the matter, what was, and who is told of it. */
export function AlertsPage(): ReactNode {
  useTitle('Alerts');
  const [firing, rereadFiring] = useAllPages(FIRING_ALERTS);
  const [rules, rereadRules] = useAllPages(ALERT_RULES);
  const [sites] = useAllPages(SITE_NAMES);
  const mayWebhooks = useMay('webhooks:write');
  const mayAlerts = useMay('alerts:write');
  usePolling(rereadFiring, REREAD_EVERY_MS);
  usePolling(rereadRules, REREAD_EVERY_MS);
  const error = firing.error ?? rules.error ?? sites.error;
  const head = <PageHead title="Alerts">What is the matter now, what was, and who is told of it.</PageHead>;
  if (firing.items === undefined || rules.items === undefined || sites.items === undefined) {
    return (
      <>
        {head}
        {error === undefined ? (
          <Loading rows={6} />
        ) : (
          <Notice tone="bad" title="Alerts cannot be read">
            {errorMessage(error)}
          </Notice>
        )}
      </>
    );
  }
  return (
    <>
      {head}
      <div className="space-y-4">
        {error !== undefined && (
          <Notice tone="warn" title="This page could not be read again">
            {errorMessage(error)}
          </Notice>
        )}
        {!mayAlerts && (
          <Notice tone="neutral" title="You may look, not change">
            Acknowledging alerts takes the role operator or higher: ask an owner of your organization.
          </Notice>
        )}
        <FiringPanel alerts={firing.items} rules={rules.items} onChanged={rereadFiring} />
        <RulesPanel rules={rules.items} sites={sites.items} onChanged={rereadRules} />
        {mayWebhooks && <WebhooksPanel onChanged={rereadRules} />}
        <PastPanel version={firing.items.length} />
      </div>
    </>
  );
}
