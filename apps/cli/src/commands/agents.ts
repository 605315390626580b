import { Command, Option } from 'commander';
import { findOne } from '../find.js';
import { operations, type Agent } from '../operations.js';
import { formatTable, print, type Column, type OutputOptions } from '../output.js';
import { signedIn, upperCaseChoice } from './context.js';

const COLUMNS: readonly Column<Agent>[] = [
  { head: 'HOST', cell: ({ hostname }) => hostname },
  { head: 'SITE', cell: ({ site }) => site.name },
  { head: 'STATE', cell: ({ state }) => state.toLowerCase() },
  { head: 'ONLINE', cell: ({ online }) => (online ? 'yes' : 'no') },
  {
    head: 'POLICY',
    cell: ({ appliedRevision, desiredRevision }) => `${appliedRevision ?? '-'}/${desiredRevision ?? '-'}`,
  },
  {
    head: 'OUTCOME',
    cell: ({ outcome, error }) => [outcome?.toLowerCase(), error].filter(Boolean).join(': '),
  },
  { head: 'VERSION', cell: ({ version }) => version },
  { head: 'ID', cell: ({ id }) => id },
];

const STATES = ['pending', 'approved', 'revoked'];

/** `longhaul agents …` */
export function agentsCommand(): Command {
  return new Command('agents')
    .description('agents of all sites')
    .addCommand(listCommand())
    .addCommand(
      new Command('approve')
        .argument('<agent>', 'host name or id')
        .option('--json', 'print as JSON')
        .action(async (wanted: string, options: OutputOptions) => {
          const { api, id } = await find(wanted);
          const { approveAgent: agent } = await api.call(operations.approveAgent, { id });
          print(agent, options, () => `Agent ${agent.hostname} at ${agent.site.name} is approved.`);
        }),
    )
    .addCommand(
      new Command('revoke')
        .argument('<agent>', 'host name or id')
        .option('--json', 'print as JSON')
        .action(async (wanted: string, options: OutputOptions) => {
          const { api, id } = await find(wanted);
          const { revokeAgent: agent } = await api.call(operations.revokeAgent, { id });
          print(agent, options, () => `Agent ${agent.hostname} at ${agent.site.name} is revoked, for good.`);
        }),
    );
}

interface ListArguments extends OutputOptions {
  readonly site?: string;
  readonly state?: string;
  readonly agentVersion?: string;
  readonly online?: boolean;
  readonly offline?: boolean;
  readonly drifted?: boolean;
}

function listCommand(): Command {
  return new Command('list')
    .description('agents by host name; revoked ones too')
    .option('--site <site>', 'only those of the site, by name or id')
    .addOption(upperCaseChoice('--state <state>', 'only those that stand so', STATES))
    .option('--agent-version <version>', 'only those with this version of the software')
    .option('--online', 'only those that are connected')
    .addOption(new Option('--offline', 'only those that are not').conflicts('online'))
    .option('--drifted', 'only those that are not (yet) what they shall be')
    .option('--json', 'print as JSON')
    .action(list);
}

async function list(args: ListArguments): Promise<void> {
  const { site, state, agentVersion: version, online, offline, drifted } = args;
  const api = await signedIn();
  const siteId =
    site === undefined
      ? undefined
      : findOne('site', site, await api.all(operations.sites), ({ name }) => name).id;
  const filter = { siteId, state, version, online: offline === true ? false : online, drifted };
  const agents = await api.all(operations.agents, filter);
  print(agents, args, () => formatTable(agents, COLUMNS));
}

async function find(wanted: string) {
  const api = await signedIn();
  const agents = await api.all(operations.agents);
  return { api, id: findOne('agent', wanted, agents, ({ hostname }) => hostname).id };
}
