import { Command } from 'commander';
import { operations, type Rollout } from '../operations.js';
import { formatTable, print, type Column, type OutputOptions } from '../output.js';
import { signedIn, upperCaseChoice } from './context.js';

const COLUMNS: readonly Column<Rollout>[] = [
  { head: 'REVISION', cell: ({ revision }) => revision },
  { head: 'STATE', cell: ({ state }) => state.toLowerCase() },
  { head: 'STAGE', cell: ({ stage, stages }) => `${stage + 1}/${stages.length}` },
  { head: 'APPLIED', cell: ({ progress }) => `${progress.applied}/${progress.agents}` },
  { head: 'FAILED', cell: ({ progress }) => progress.failed },
  { head: 'REASON', cell: ({ reason }) => reason },
  { head: 'ID', cell: ({ id }) => id },
];

const STATES = ['running', 'halted', 'completed', 'aborted'];

/** `longhaul policy rollouts …` */
export function rolloutsCommand(): Command {
  return new Command('rollouts')
    .description('revisions on their way to the sites')
    .addCommand(listCommand())
    .addCommand(resumeCommand())
    .addCommand(abortCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('the newest first')
    .addOption(upperCaseChoice('--state <state>', 'only those that stand so', STATES))
    .option('--json', 'print as JSON')
    .action(async ({ state, ...options }: OutputOptions & { readonly state?: string }) => {
      const rollouts = await (await signedIn()).all(operations.rollouts, { state });
      print(rollouts, options, () => formatTable(rollouts, COLUMNS));
    });
}

function resumeCommand(): Command {
  return new Command('resume')
    .description('goes on with a halted one; agents that failed try again')
    .argument('<id>')
    .option('--json', 'print as JSON')
    .action(async (id: string, options: OutputOptions) => {
      const { resumeRollout } = await (await signedIn()).call(operations.resumeRollout, { id });
      print(resumeRollout, options, () => 'It goes on.');
    });
}

function abortCommand(): Command {
  return new Command('abort')
    .description('ends it; all sites get what was in force before')
    .argument('<id>')
    .option('--json', 'print as JSON')
    .action(async (id: string, options: OutputOptions) => {
      const { abortRollout } = await (await signedIn()).call(operations.abortRollout, { id });
      print(abortRollout, options, () => 'It is ended; what was in force before is in force again.');
    });
}
