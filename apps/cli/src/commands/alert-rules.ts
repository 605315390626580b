import { Command, InvalidArgumentError, Option } from 'commander';
import type { ApiClient } from '../api-client.js';
import { formatDuration, parseDuration } from '../duration.js';
import { findOne } from '../find.js';
import { operations, type AlertRule } from '../operations.js';
import { formatTable, print, shortTime, type Column, type OutputOptions } from '../output.js';
import { describeSilence, KINDS, SEVERITIES, silenceOf, withSilence } from './alerts.js';
import { collect, signedIn, upperCaseChoice } from './context.js';

const COLUMNS: readonly Column<AlertRule>[] = [
  { head: 'NAME', cell: ({ name }) => name },
  { head: 'KIND', cell: ({ kind }) => kind.toLowerCase() },
  { head: 'ON', cell: ({ enabled }) => (enabled ? 'yes' : 'no') },
  { head: 'SEVERITY', cell: ({ severity }) => severity.toLowerCase() },
  { head: 'SITES', cell: ({ site, siteLabel }) => site?.name ?? siteLabel ?? 'all' },
  {
    head: 'AT / CLEARED AT',
    cell: ({ unit, threshold, clearThreshold }) =>
      unit === '' ? null : `${threshold} / ${clearThreshold} ${unit}`,
  },
  {
    head: 'FOR / CLEARED FOR',
    cell: ({ forSeconds, clearForSeconds }) =>
      `${formatDuration(forSeconds)} / ${formatDuration(clearForSeconds)}`,
  },
  {
    head: 'TELLS',
    cell: ({ webhooks, emails }) => [...webhooks.map(({ name }) => name), ...emails].join(', '),
  },
  { head: 'SILENCED UNTIL', cell: ({ silencedUntil }) => shortTime(silencedUntil) },
  { head: 'ID', cell: ({ id }) => id },
];

/** `longhaul alert-rules …` */
export function alertRulesCommand(): Command {
  return new Command('alert-rules')
    .description('when somebody is to be told of what')
    .addCommand(listCommand())
    .addCommand(createCommand())
    .addCommand(updateCommand())
    .addCommand(silenceCommand())
    .addCommand(deleteCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('by name')
    .option('--json', 'print as JSON')
    .action(async (options: OutputOptions) => {
      const rules = await (await signedIn()).all(operations.alertRules);
      print(rules, options, () => formatTable(rules, COLUMNS));
    });
}

interface RuleArguments extends OutputOptions {
  readonly severity?: string;
  readonly site?: string;
  readonly label?: string;
  readonly everywhere?: boolean;
  readonly threshold?: number;
  readonly clearThreshold?: number;
  readonly for?: number;
  readonly clearFor?: number;
  readonly repeat?: number;
  readonly webhook?: string[];
  readonly email?: string[];
  readonly tellNobody?: boolean;
  readonly on?: boolean;
  readonly off?: boolean;
}

function parseThreshold(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0)) throw new InvalidArgumentError('It must be a number, 0 or more.');
  return value;
}

const withSettings = (command: Command): Command =>
  command
    .addOption(upperCaseChoice('--severity <severity>', 'how bad it is', SEVERITIES))
    .addOption(
      new Option('--site <site>', 'only this site, or links to it; name or id').conflicts([
        'label',
        'everywhere',
      ]),
    )
    .addOption(new Option('--label <label>', 'only sites that carry it').conflicts('everywhere'))
    .option('--everywhere', 'all sites')
    .option('--threshold <value>', 'the condition holds from here on', parseThreshold)
    .option('--clear-threshold <value>', 'it is away from here on downwards', parseThreshold)
    .option('--for <time>', 'how long it has to hold, such as "5m"', parseDuration)
    .option('--clear-for <time>', 'how long it has to be away', parseDuration)
    .option('--repeat <time>', 'tell again so often, until it is acknowledged; "0s": once', parseDuration)
    .option('--webhook <webhook>', 'tell this one, and those named besides; repeatable', collect)
    .option('--email <address>', 'tell this address, and those named besides; repeatable', collect)
    .addOption(new Option('--tell-nobody', 'no webhook and no address').conflicts(['webhook', 'email']))
    .addOption(new Option('--on', 'watch').conflicts('off'))
    .option('--off', 'do not watch')
    .option('--json', 'print as JSON');

/** What of the API's input the options say; what they leave out stays. */
async function settingsOf(api: ApiClient, args: RuleArguments): Promise<Record<string, unknown>> {
  const { site, label, everywhere, webhook, email, tellNobody, repeat, on, off } = args;
  const siteId =
    site === undefined
      ? undefined
      : findOne('site', site, await api.all(operations.sites), ({ name }) => name).id;
  const isScoped = site !== undefined || label !== undefined || everywhere === true;
  const webhooks = webhook === undefined ? [] : await api.all(operations.webhooks);
  const webhookIds = webhook?.map((wanted) => findOne('webhook', wanted, webhooks, ({ name }) => name).id);
  return {
    severity: args.severity,
    threshold: args.threshold,
    clearThreshold: args.clearThreshold,
    forSeconds: args.for,
    clearForSeconds: args.clearFor,
    ...(isScoped ? { siteId: siteId ?? null, siteLabel: label ?? null } : {}),
    ...(repeat === undefined ? {} : { repeatSeconds: repeat === 0 ? null : repeat }),
    webhookIds: tellNobody === true ? [] : webhookIds,
    emails: tellNobody === true ? [] : email,
    ...(on === true || off === true ? { enabled: on === true } : {}),
  };
}

function createCommand(): Command {
  return withSettings(
    new Command('create')
      .description('what is left out is as in the default rule of the kind')
      .argument('<name>', 'what people call it')
      .addOption(upperCaseChoice('--kind <kind>', 'what it watches', KINDS).makeOptionMandatory()),
  ).action(async (name: string, args: RuleArguments & { readonly kind: string }) => {
    const api = await signedIn();
    const input = { name, kind: args.kind, ...(await settingsOf(api, args)) };
    const { createAlertRule: rule } = await api.call(operations.createAlertRule, { input });
    print(rule, args, () => `Rule ${rule.name} watches.`);
  });
}

async function findRule(api: ApiClient, wanted: string): Promise<AlertRule> {
  return findOne('alert rule', wanted, await api.all(operations.alertRules), ({ name }) => name);
}

function updateCommand(): Command {
  return withSettings(
    new Command('update')
      .description('what is left out stays')
      .argument('<rule>', 'name or id')
      .option('--name <name>', 'what people call it from now on'),
  ).action(async (wanted: string, args: RuleArguments & { readonly name?: string }) => {
    const api = await signedIn();
    const { id } = await findRule(api, wanted);
    const input = { name: args.name, ...(await settingsOf(api, args)) };
    const { updateAlertRule: rule } = await api.call(operations.updateAlertRule, { id, input });
    print(rule, args, () => formatTable([rule], COLUMNS));
  });
}

function silenceCommand(): Command {
  return withSilence(
    new Command('silence')
      .description('has nobody told that its alerts fire')
      .argument('<rule>', 'name or id'),
  ).action(
    async (wanted: string, options: OutputOptions & { readonly until?: string; readonly end?: boolean }) => {
      const api = await signedIn();
      const { id } = await findRule(api, wanted);
      const { silenceAlertRule: rule } = await api.call(operations.silenceAlertRule, {
        id,
        until: silenceOf(options),
      });
      print(rule, options, () => describeSilence(`alerts of ${rule.name}`, rule.silencedUntil));
    },
  );
}

function deleteCommand(): Command {
  return new Command('delete')
    .description('its open alerts end')
    .argument('<rule>', 'name or id')
    .option('--json', 'print as JSON')
    .action(async (wanted: string, options: OutputOptions) => {
      const api = await signedIn();
      const { id, name } = await findRule(api, wanted);
      await api.call(operations.deleteAlertRule, { id });
      print({ id, name, deleted: true }, options, () => `Rule ${name} is deleted.`);
    });
}
