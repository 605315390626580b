import { Command } from 'commander';
import { findOne } from '../find.js';
import { operations, type Agent } from '../operations.js';
import { formatTable, print, type Column, type OutputOptions } from '../output.js';
import { signedIn } from './context.js';

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

/** `longhaul agents …` */
export function agentsCommand(): Command {
  return new Command('agents')
    .description('agents of all sites')
    .addCommand(
      new Command('list').option('--json', 'print as JSON').action(async (options: OutputOptions) => {
        const { agents } = await (await signedIn()).call(operations.agents);
        print(agents, options, () => formatTable(agents, COLUMNS));
      }),
    )
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

async function find(wanted: string) {
  const api = await signedIn();
  const { agents } = await api.call(operations.agents);
  return { api, id: findOne('agent', wanted, agents, ({ hostname }) => hostname).id };
}
