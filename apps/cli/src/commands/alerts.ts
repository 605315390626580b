import { Command, Option } from 'commander';
import { parseExpiry } from '../expiry.js';
import { findOne } from '../find.js';
import { operations, type Alert } from '../operations.js';
import { formatTable, print, shortTime, type Column, type OutputOptions } from '../output.js';
import { signedIn, upperCaseChoice } from './context.js';

const COLUMNS: readonly Column<Alert>[] = [
  { head: 'SEVERITY', cell: ({ severity }) => severity.toLowerCase() },
  { head: 'STATE', cell: ({ state }) => state.toLowerCase() },
  { head: 'SINCE (UTC)', cell: ({ pendingSince }) => shortTime(pendingSince) },
  { head: 'WHAT', cell: ({ summary }) => summary },
  { head: 'RULE', cell: ({ ruleName }) => ruleName },
  { head: 'ACKNOWLEDGED BY', cell: ({ acknowledgedBy }) => acknowledgedBy },
  { head: 'SILENCED UNTIL', cell: ({ silencedUntil }) => shortTime(silencedUntil) },
  { head: 'ID', cell: ({ id }) => id },
];

export const KINDS = ['agent_down', 'link_loss', 'link_rtt', 'drift', 'no_acceleration', 'token_abuse'];
export const SEVERITIES = ['info', 'warning', 'critical'];
const STATES = ['pending', 'firing', 'resolved'];

/** `longhaul alerts …` */
export function alertsCommand(): Command {
  return new Command('alerts')
    .description('what is, or was, the matter')
    .addCommand(listCommand())
    .addCommand(ackCommand())
    .addCommand(silenceCommand());
}

interface ListArguments extends OutputOptions {
  readonly state?: string;
  readonly severity?: string;
  readonly kind?: string;
  readonly site?: string;
}

function listCommand(): Command {
  return new Command('list')
    .description('the newest first')
    .addOption(upperCaseChoice('--state <state>', 'only those that stand so', STATES))
    .addOption(upperCaseChoice('--severity <severity>', 'only those that are so bad', SEVERITIES))
    .addOption(upperCaseChoice('--kind <kind>', 'only those of a kind', KINDS))
    .option('--site <site>', 'only those about this site; name or id')
    .option('--json', 'print as JSON')
    .action(async ({ json, site, ...filter }: ListArguments) => {
      const api = await signedIn();
      const siteId =
        site === undefined
          ? undefined
          : findOne('site', site, await api.all(operations.sites), ({ name }) => name).id;
      const alerts = await api.all(operations.alerts, { ...filter, siteId });
      print(alerts, { json }, () => formatTable(alerts, COLUMNS));
    });
}

/** Open alerts have no name; what stands in their id does. */
async function findOpen(api: Awaited<ReturnType<typeof signedIn>>, wanted: string): Promise<Alert> {
  const alerts = [
    ...(await api.all(operations.alerts, { state: 'FIRING' })),
    ...(await api.all(operations.alerts, { state: 'PENDING' })),
  ];
  return findOne('open alert', wanted, alerts, ({ id }) => id);
}

function ackCommand(): Command {
  return new Command('ack')
    .description('says that you look after it: it is not told of again')
    .argument('<alert>', 'id, or its beginning')
    .option('--json', 'print as JSON')
    .action(async (wanted: string, options: OutputOptions) => {
      const api = await signedIn();
      const { id } = await findOpen(api, wanted);
      const { acknowledgeAlert: alert } = await api.call(operations.acknowledgeAlert, { id });
      print(alert, options, () => `Acknowledged by ${alert.acknowledgedBy ?? '-'}: ${alert.summary}`);
    });
}

interface SilenceArguments extends OutputOptions {
  readonly until?: string;
  readonly end?: boolean;
}

/** Until when; of one of the two options. */
export function withSilence(command: Command): Command {
  return command
    .addOption(
      new Option('--until <when>', 'in "12h" or "30d", or a time; at most 90 days off; 12h unless given')
        .argParser((text) => parseExpiry(text))
        .conflicts('end'),
    )
    .option('--end', 'end the silence')
    .option('--json', 'print as JSON');
}

export const silenceOf = ({ until, end }: SilenceArguments): string | null =>
  end === true ? null : (until ?? parseExpiry('12h'));

export const describeSilence = (what: string, until: string | null): string =>
  until === null
    ? `${what} is not silenced any more.`
    : `Nobody is told of ${what} until ${shortTime(until)} UTC.`;

function silenceCommand(): Command {
  return withSilence(
    new Command('silence')
      .description('has nobody told that it fires; that it is resolved is told all the same')
      .argument('<alert>', 'id, or its beginning'),
  ).action(async (wanted: string, options: SilenceArguments) => {
    const api = await signedIn();
    const { id } = await findOpen(api, wanted);
    const { silenceAlert: alert } = await api.call(operations.silenceAlert, {
      id,
      until: silenceOf(options),
    });
    print(alert, options, () => describeSilence('the alert', alert.silencedUntil));
  });
}
