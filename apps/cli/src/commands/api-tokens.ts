import { Command, Option } from 'commander';
import { parseExpiry } from '../expiry.js';
import { findOne } from '../find.js';
import { operations, type ApiToken } from '../operations.js';
import { formatTable, print, shortTime, type Column, type OutputOptions } from '../output.js';
import { collect, signedIn } from './context.js';

function statusOf({ revokedAt, expiresAt }: ApiToken): string {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && Date.parse(expiresAt) <= Date.now() ? 'expired' : 'active';
}

const COLUMNS: readonly Column<ApiToken>[] = [
  { head: 'NAME', cell: ({ name }) => name },
  { head: 'STATUS', cell: statusOf },
  { head: 'SCOPES', cell: ({ scopes }) => scopes.join(' ') },
  { head: 'EXPIRES (UTC)', cell: ({ expiresAt }) => shortTime(expiresAt) },
  { head: 'LAST USED (UTC)', cell: ({ lastUsedAt }) => shortTime(lastUsedAt) },
  { head: 'ID', cell: ({ id }) => id },
];

/** `longhaul api-tokens …` */
export function apiTokensCommand(): Command {
  return new Command('api-tokens')
    .description('credentials of pipelines')
    .addCommand(listCommand())
    .addCommand(createCommand())
    .addCommand(revokeCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('the newest first')
    .addOption(
      new Option('--status <status>', 'only those that are so').choices(['active', 'revoked', 'expired']),
    )
    .option('--json', 'print as JSON')
    .action(async ({ status, ...options }: OutputOptions & { readonly status?: string }) => {
      const apiTokens = await (await signedIn()).all(operations.apiTokens, { status });
      print(apiTokens, options, () => formatTable(apiTokens, COLUMNS));
    });
}

interface CreateArguments extends OutputOptions {
  readonly scope: string[];
  readonly expires?: string;
}

function createCommand(): Command {
  return new Command('create')
    .argument('<name>', 'what people call it')
    .requiredOption('--scope <scope>', 'what it may do ("read", "policy:write", …), repeatable', collect)
    .option('--expires <when>', 'in "12h" or "30d", or a time; never unless given', (text) =>
      parseExpiry(text),
    )
    .option('--json', 'print as JSON')
    .action(async (name: string, args: CreateArguments) => {
      const input = { name, scopes: args.scope, expiresAt: args.expires };
      const { createApiToken: made } = await (await signedIn()).call(operations.createApiToken, { input });
      print(made, args, ({ token }) => `The secret is shown this once:\n\n${token}`);
    });
}

function revokeCommand(): Command {
  return new Command('revoke')
    .argument('<token>', 'name or id')
    .option('--json', 'print as JSON')
    .action(async (wanted: string, options: OutputOptions) => {
      const api = await signedIn();
      const apiTokens = await api.all(operations.apiTokens);
      const { id } = findOne('API token', wanted, apiTokens, ({ name }) => name);
      const { revokeApiToken: token } = await api.call(operations.revokeApiToken, { id });
      print(token, options, ({ name }) => `API token ${name} is good for nothing any more.`);
    });
}
