import { readFile, writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { messageOf } from '@longhaul/agent';
import { Command, InvalidArgumentError } from 'commander';
import type { ApiClient } from '../api-client.js';
import { CliError, ExitCode } from '../errors.js';
import { operations, type Revision } from '../operations.js';
import { formatTable, print, shortTime, type Column, type OutputOptions } from '../output.js';
import { describeChanges, formatPolicyFile, parsePolicyFile, toApiRules } from '../policy-file.js';
import { signedIn } from './context.js';

/** `longhaul policy …` */
export function policyCommand(): Command {
  return new Command('policy')
    .description("the organization's policy, as a file")
    .addCommand(getCommand())
    .addCommand(applyCommand())
    .addCommand(historyCommand())
    .addCommand(statusCommand());
}

function parseRevision(text: string): number {
  const revision = Number(text);
  if (!Number.isInteger(revision) || revision < 1)
    throw new InvalidArgumentError('It must be a number, 1 or more.');
  return revision;
}

interface GetArguments extends OutputOptions {
  readonly revision?: number;
  readonly output?: string;
}

function getCommand(): Command {
  return new Command('get')
    .description('prints the policy in the form that "policy apply" takes')
    .option('--revision <n>', 'an earlier one', parseRevision)
    .option('--output <file>', 'write it to a file')
    .option('--json', 'print it as the API has it')
    .action(get);
}

async function get({ revision, output, json }: GetArguments): Promise<void> {
  const found = await load(await signedIn(), revision);
  const content = json === true ? `${JSON.stringify(found.policy, null, 2)}\n` : found.text;
  if (output === undefined) process.stdout.write(content);
  else await writeFile(output, content);
}

async function load(api: ApiClient, revision: number | undefined) {
  if (revision === undefined) {
    const { policy, sites } = await api.call(operations.policy);
    return { policy, text: formatPolicyFile(policy.revision, policy.document.rules, sites) };
  }
  const { policyRevision: policy, sites } = await api.call(operations.policyRevision, { revision });
  if (policy === null) throw new CliError(`there is no revision ${revision}`, ExitCode.notFound);
  // Without its number: applied, it is a new revision over the present one.
  return { policy, text: formatPolicyFile(null, policy.document.rules, sites) };
}

interface ApplyArguments extends OutputOptions {
  readonly message?: string;
  readonly expectedRevision?: number;
  readonly dryRun?: boolean;
}

function applyCommand(): Command {
  return new Command('apply')
    .description('makes the policy what a file says; does nothing when it is that already')
    .argument('<file>', 'YAML or JSON; "-" reads standard input')
    .option('--message <text>', 'why, for the history')
    .option(
      '--expected-revision <n>',
      "fail unless this one is in force (default: the file's)",
      parseRevision,
    )
    .option('--dry-run', 'only say what would change')
    .option('--json', 'print as JSON')
    .action(apply);
}

async function apply(path: string, args: ApplyArguments): Promise<void> {
  const file = parsePolicyFile(await readText(path), path);
  const api = await signedIn();
  const { policy, sites } = await api.call(operations.policy);
  const rules = toApiRules(file, sites, policy.document.rules);
  const changes = describeChanges(policy.document.rules, rules);
  if (args.dryRun === true || changes.length === 0) {
    const summary = changes.length === 0 ? 'Nothing changes.' : changes.join('\n');
    print({ revision: policy.revision, changes, saved: false }, args, () => summary);
    return;
  }
  const input = {
    expectedRevision: args.expectedRevision ?? file.revision ?? policy.revision,
    message: args.message ?? '',
    rules,
  };
  const { savePolicy } = await api.call(operations.savePolicy, { input });
  print({ ...savePolicy, changes, saved: true }, args, ({ revision }) =>
    [...changes, `Saved as revision ${revision}.`].join('\n'),
  );
}

async function readText(path: string): Promise<string> {
  try {
    return path === '-' ? await text(process.stdin) : await readFile(path, 'utf8');
  } catch (error) {
    throw new CliError(`cannot read ${path}: ${messageOf(error)}`);
  }
}

const REVISION_COLUMNS: readonly Column<Revision>[] = [
  { head: 'REVISION', cell: ({ revision }) => revision },
  { head: 'SAVED (UTC)', cell: ({ createdAt }) => shortTime(createdAt) },
  { head: 'BY', cell: ({ author }) => author },
  { head: 'MESSAGE', cell: ({ message }) => message },
  { head: 'SHA-256', cell: ({ sha256 }) => sha256.slice(0, 12) },
];

function historyCommand(): Command {
  return new Command('history')
    .description('revisions, the newest first')
    .option('--json', 'print as JSON')
    .action(async (options: OutputOptions) => {
      const { policy } = await (await signedIn()).call(operations.policyHistory);
      print(policy.revisions, options, () => formatTable(policy.revisions, REVISION_COLUMNS));
    });
}

function statusCommand(): Command {
  return new Command('status')
    .description('which agent has applied what')
    .option('--json', 'print as JSON')
    .action(async (options: OutputOptions) => {
      const { policy } = await (await signedIn()).call(operations.policyApplication);
      print(policy, options, () =>
        formatTable(policy.application, [
          { head: 'HOST', cell: ({ agent }) => agent.hostname },
          { head: 'SITE', cell: ({ agent }) => agent.site.name },
          { head: 'APPLIED', cell: ({ appliedRevision }) => appliedRevision },
          { head: 'DESIRED', cell: ({ desiredRevision }) => desiredRevision },
          { head: 'OUTCOME', cell: ({ outcome }) => outcome?.toLowerCase() },
          { head: 'ERROR', cell: ({ error }) => error },
        ]),
      );
    });
}
