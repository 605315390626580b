import { Command, InvalidArgumentError, Option } from 'commander';
import { parseExpiry } from '../expiry.js';
import { findOne } from '../find.js';
import { operations, type EnrollmentToken } from '../operations.js';
import { formatTable, print, shortTime, type Column, type OutputOptions } from '../output.js';
import { collect, signedIn } from './context.js';

const COLUMNS: readonly Column<EnrollmentToken>[] = [
  { head: 'NAME', cell: ({ name }) => name },
  { head: 'SITE', cell: ({ site }) => site.name },
  { head: 'STATUS', cell: ({ status }) => status },
  { head: 'USES', cell: ({ uses, maxUses }) => `${uses}/${maxUses}` },
  { head: 'APPROVAL', cell: ({ needsApproval }) => (needsApproval ? 'needed' : 'no') },
  { head: 'EXPIRES (UTC)', cell: ({ expiresAt }) => shortTime(expiresAt) },
  { head: 'ID', cell: ({ id }) => id },
];

function parseUses(text: string): number {
  const uses = Number(text);
  if (!Number.isInteger(uses) || uses < 1) throw new InvalidArgumentError('It must be a number, 1 or more.');
  return uses;
}

/** `longhaul tokens …` */
export function tokensCommand(): Command {
  return new Command('tokens')
    .description('enrolment tokens: each lets agents join a site')
    .addCommand(listCommand())
    .addCommand(createCommand())
    .addCommand(revokeCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('the newest first')
    .addOption(
      new Option('--status <status>', 'only those that are so').choices([
        'active',
        'revoked',
        'expired',
        'used-up',
      ]),
    )
    .option('--json', 'print as JSON')
    .action(async ({ status, ...options }: OutputOptions & { readonly status?: string }) => {
      const tokens = await (await signedIn()).all(operations.enrollmentTokens, { status });
      print(tokens, options, () => formatTable(tokens, COLUMNS));
    });
}

interface CreateArguments extends OutputOptions {
  readonly site: string;
  readonly name?: string;
  readonly uses: number;
  readonly expires?: string;
  readonly needsApproval?: boolean;
  readonly label?: string[];
}

function createCommand(): Command {
  return new Command('create')
    .requiredOption('--site <site>', 'name or id of the site that agents join')
    .option('--name <name>', 'what people call the token')
    .option('--uses <n>', 'how many agents may use it', parseUses, 1)
    .option('--expires <when>', 'in "12h" or "30d", or a time; 30 days unless given', (text) =>
      parseExpiry(text),
    )
    .option('--needs-approval', 'each agent has to be approved')
    .option('--label <label>', 'that its agents get, repeatable', collect)
    .option('--json', 'print as JSON')
    .action(create);
}

async function create(args: CreateArguments): Promise<void> {
  const api = await signedIn();
  const sites = await api.all(operations.sites);
  const site = findOne('site', args.site, sites, ({ name }) => name);
  const input = {
    siteId: site.id,
    name: args.name ?? `Agents of ${site.name}`,
    maxUses: args.uses,
    expiresAt: args.expires,
    needsApproval: args.needsApproval,
    labels: args.label,
  };
  const { createEnrollmentToken: made } = await api.call(operations.createEnrollmentToken, { input });
  const { expiresAt } = made.enrollmentToken;
  print(
    made,
    args,
    () =>
      `Good until ${shortTime(expiresAt)} UTC; the secret is shown this once. On the machine at ${site.name}:\n\n${made.command}`,
  );
}

function revokeCommand(): Command {
  return new Command('revoke')
    .argument('<token>', 'name or id')
    .option('--json', 'print as JSON')
    .action(async (wanted: string, options: OutputOptions) => {
      const api = await signedIn();
      const tokens = await api.all(operations.enrollmentTokens);
      const { id } = findOne('enrolment token', wanted, tokens, ({ name }) => name);
      const { revokeEnrollmentToken: token } = await api.call(operations.revokeEnrollmentToken, { id });
      print(token, options, () => `Token ${token.name} enrols nobody any more; agents that used it stay.`);
    });
}
