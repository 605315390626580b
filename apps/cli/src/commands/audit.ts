import { once } from 'node:events';
import { Command, InvalidArgumentError, Option } from 'commander';
import { AUDIT_FORMATS, auditHead, auditLine, type AuditFormat } from '../audit-lines.js';
import { operations, type AuditEvent } from '../operations.js';
import { formatTable, print, shortTime, type Column, type OutputOptions } from '../output.js';
import { parsePast } from '../past.js';
import { collect, signedIn } from './context.js';

/** Events of a list unless told otherwise. */
const DEFAULT_LIMIT = 100;

const COLUMNS: readonly Column<AuditEvent>[] = [
  { head: 'TIME (UTC)', cell: ({ at }) => shortTime(at) },
  { head: 'ACTION', cell: ({ action }) => action },
  { head: 'WHO', cell: ({ actorName }) => actorName },
  { head: 'FROM', cell: ({ origin }) => origin },
  { head: 'TARGET', cell: ({ targetId }) => targetId },
];

interface FilterArguments {
  readonly action?: string[];
  readonly since?: string;
  readonly until?: string;
}

/** `longhaul audit …` */
export function auditCommand(): Command {
  return new Command('audit')
    .description('who changed what, from where')
    .addCommand(listCommand())
    .addCommand(exportCommand());
}

const withFilter = (command: Command): Command =>
  command
    .option('--action <action>', 'only "site.create", or "site." for all that begins so; repeatable', collect)
    .option('--since <when>', 'at this time or later: "12h" or "30d" ago, or a time', (text) =>
      parsePast(text),
    )
    .option('--until <when>', 'before this time', (text) => parsePast(text));

const toFilter = ({ action, since, until }: FilterArguments) => ({ actions: action, since, until });

function listCommand(): Command {
  return withFilter(new Command('list').description('the newest events; "export" gives all'))
    .option('--limit <n>', 'at most so many', parseLimit, DEFAULT_LIMIT)
    .option('--json', 'print as JSON')
    .action(async (args: FilterArguments & OutputOptions & { readonly limit: number }) => {
      const events = await (await signedIn()).all(operations.auditEvents, toFilter(args), args.limit);
      print(events, args, () => formatTable(events, COLUMNS));
    });
}

function exportCommand(): Command {
  return withFilter(
    new Command('export').description('the whole log, the newest first, to the standard output'),
  )
    .addOption(new Option('--format <format>').choices(AUDIT_FORMATS).default('ndjson'))
    .action(async (args: FilterArguments & { readonly format: AuditFormat }) => {
      const head = auditHead(args.format);
      if (head !== undefined) await writeLine(head);
      for await (const event of (await signedIn()).each(operations.auditEvents, toFilter(args))) {
        await writeLine(auditLine(event, args.format));
      }
    });
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1)
    throw new InvalidArgumentError('It must be a number, 1 or more.');
  return limit;
}

/** A log may be larger than memory: waits for whoever reads. */
async function writeLine(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
}
