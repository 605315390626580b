import { readFile, writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { messageOf } from '@longhaul/agent';
import { Command, InvalidArgumentError } from 'commander';
import type { ApiClient } from '../api-client.js';
import { CliError, ExitCode } from '../errors.js';
import { describeChanges, describeEffects, describeTest, isChange } from '../describe-preview.js';
import { operations, type Preview, type Revision } from '../operations.js';
import { formatTable, print, shortTime, type Column, type OutputOptions } from '../output.js';
import {
  formatPolicyFile,
  parsePolicyFile,
  toApiForwards,
  toApiRules,
  toApiTarget,
  toApiTests,
} from '../policy-file.js';
import { placed } from '../yaml-lines.js';
import { collect, signedIn } from './context.js';
import { rolloutsCommand } from './rollouts.js';

/** `longhaul policy …` */
export function policyCommand(): Command {
  return new Command('policy')
    .description("the organization's policy, as a file")
    .addCommand(getCommand())
    .addCommand(planCommand())
    .addCommand(testCommand())
    .addCommand(applyCommand())
    .addCommand(rollbackCommand())
    .addCommand(historyCommand())
    .addCommand(statusCommand())
    .addCommand(rolloutsCommand());
}

function parseRevision(text: string): number {
  const revision = Number(text);
  if (!Number.isInteger(revision) || revision < 1)
    throw new InvalidArgumentError('It must be a number, 1 or more.');
  return revision;
}

interface GetArguments extends OutputOptions {
  readonly revision?: number;
  readonly label?: string;
  readonly site?: string;
  readonly output?: string;
}

function getCommand(): Command {
  return new Command('get')
    .description('prints the policy in the form that "policy apply" takes')
    .option('--label <label>', 'of the site group (default: of the organization)')
    .option('--site <site>', 'of the site, by name or id')
    .option('--revision <n>', 'an earlier one', parseRevision)
    .option('--output <file>', 'write it to a file')
    .option('--json', 'print it as the API has it')
    .action(get);
}

async function get(args: GetArguments): Promise<void> {
  const found = await load(await signedIn(), args);
  const content = args.json === true ? `${JSON.stringify(found.policy, null, 2)}\n` : found.text;
  if (args.output === undefined) process.stdout.write(content);
  else await writeFile(args.output, content);
}

async function load(api: ApiClient, { revision, label, site }: GetArguments) {
  const sites = await api.all(operations.sites);
  if (revision === undefined) {
    const target = label !== undefined ? { label } : site !== undefined ? { site } : undefined;
    const { policy } = await api.call(operations.policy, { target: toApiTarget(target, sites) });
    return { policy, text: formatPolicyFile(policy.revision, policy.document, sites, target) };
  }
  const { policyRevision: policy } = await api.call(operations.policyRevision, { revision });
  if (policy === null) throw new CliError(`there is no revision ${revision}`, ExitCode.notFound);
  // Without its number: applied, it is a new revision over the present one.
  return { policy, text: formatPolicyFile(null, policy.document, sites) };
}

interface FileArguments extends OutputOptions {
  readonly file: string;
}

/** A file as the API takes it, and what saving it would do. */
interface Loaded {
  readonly api: ApiClient;
  readonly text: string;
  readonly input: Record<string, unknown>;
  /** The file's, or the one in force. */
  readonly revision: number | null;
  readonly preview: Preview;
}

async function loadFile(path: string): Promise<Loaded> {
  const text = await readText(path);
  const file = parsePolicyFile(text, path);
  const api = await signedIn();
  const sites = await api.all(operations.sites);
  const target = toApiTarget(file.target, sites);
  const { policy } = await api.call(operations.policy, { target });
  const input = {
    target,
    rules: toApiRules(file, sites, policy.document.rules),
    forwards: toApiForwards(file, sites),
    tests: toApiTests(file),
  };
  const { previewPolicy: preview } = await withLines(path, text, () =>
    api.call(operations.previewPolicy, { input }),
  );
  return { api, text, input, revision: file.revision ?? policy.revision, preview };
}

/** What the controller says of a field is said of the file's line. */
async function withLines<T>(path: string, text: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CliError) || error.problems.length === 0) throw error;
    throw new CliError(placed(text, path, error.problems), error.exitCode);
  }
}

const fileOption = ['-f, --file <file>', 'YAML or JSON; "-" reads standard input'] as const;

function planCommand(): Command {
  return new Command('plan')
    .description('says what "policy apply" would change; exit code 2 when there are changes')
    .requiredOption(...fileOption)
    .option('--json', 'print as JSON')
    .action(plan);
}

async function plan(args: FileArguments): Promise<void> {
  const { preview } = await loadFile(args.file);
  const changes = isChange(preview);
  print(preview, args, () =>
    changes ? [...describeChanges(preview), ...describeEffects(preview)].join('\n') : 'Nothing changes.',
  );
  if (changes) process.exitCode = ExitCode.changes;
}

function testCommand(): Command {
  return new Command('test')
    .description('runs the policy tests against a file; exit code 1 when one fails')
    .requiredOption(...fileOption)
    .option('--json', 'print as JSON')
    .action(runTests);
}

async function runTests(args: FileArguments): Promise<void> {
  const { tests } = (await loadFile(args.file)).preview;
  print(tests, args, () =>
    tests.length === 0 ? 'There are no policy tests.' : tests.map(describeTest).join('\n'),
  );
  if (tests.some(({ passed }) => !passed)) process.exitCode = ExitCode.failed;
}

interface ApplyArguments extends FileArguments {
  readonly message?: string;
  readonly expectedRevision?: number;
  readonly canary?: string;
  readonly percent?: string[];
  readonly soak?: number;
}

function applyCommand(): Command {
  return new Command('apply')
    .description('makes the policy what a file says; does nothing when it is that already')
    .requiredOption(...fileOption)
    .option('--message <text>', 'why, for the history')
    .option(
      '--expected-revision <n>',
      "fail unless this one is in force (default: the file's)",
      parseRevision,
    )
    .option('--canary <label>', 'roll it out in stages: first to the sites with this label')
    .option('--percent <n>', 'then to this share of all sites, repeatable', collect)
    .option('--soak <seconds>', 'how long each stage has to hold; 60 unless given', Number)
    .option('--json', 'print as JSON')
    .action(apply);
}

async function apply(args: ApplyArguments): Promise<void> {
  const { api, text, input, revision, preview } = await loadFile(args.file);
  const changes = describeChanges(preview);
  if (!isChange(preview)) {
    print({ revision, changes, saved: false }, args, () => 'Nothing changes.');
    return;
  }
  const { savePolicy } = await withLines(args.file, text, () =>
    api.call(operations.savePolicy, {
      input: {
        ...input,
        expectedRevision: args.expectedRevision ?? revision,
        message: args.message ?? '',
        rollout: rolloutOf(args),
      },
    }),
  );
  print({ ...savePolicy, changes, saved: true }, args, ({ revision: saved }) =>
    [...changes, `Saved as revision ${saved}.`].join('\n'),
  );
}

function rolloutOf({ canary, percent, soak }: ApplyArguments) {
  if (canary === undefined && percent === undefined) return undefined;
  return { canaryLabel: canary, percentages: percent?.map(Number), soakSeconds: soak };
}

interface RollbackArguments extends OutputOptions {
  readonly message?: string;
}

function rollbackCommand(): Command {
  return new Command('rollback')
    .description('saves what an earlier revision says as a new one')
    .argument('<revision>', 'its number', parseRevision)
    .option('--message <text>', 'why, for the history')
    .option('--json', 'print as JSON')
    .action(async (revision: number, args: RollbackArguments) => {
      const api = await signedIn();
      const { policy } = await api.call(operations.policyInForce);
      const input = {
        revision,
        expectedRevision: policy.revision,
        message: args.message ?? `Back to revision ${revision}`,
      };
      const { rollbackPolicy: saved } = await api.call(operations.rollbackPolicy, { input });
      print(saved, args, () => `Saved as revision ${saved.revision}.`);
    });
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
      const revisions = await (await signedIn()).all(operations.policyRevisions);
      print(revisions, options, () => formatTable(revisions, REVISION_COLUMNS));
    });
}

function statusCommand(): Command {
  return new Command('status')
    .description('which agent has applied what')
    .option('--json', 'print as JSON')
    .action(async (options: OutputOptions) => {
      const api = await signedIn();
      const { policy } = await api.call(operations.policyInForce);
      const application = await api.all(operations.policyApplication);
      print({ ...policy, application }, options, () =>
        formatTable(application, [
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
