import { Command, InvalidArgumentError } from 'commander';
import { findOne } from '../find.js';
import { operations, type Site } from '../operations.js';
import { formatTable, print, type Column, type OutputOptions } from '../output.js';
import { collect, signedIn, upperCaseChoice } from './context.js';

const COLUMNS: readonly Column<Site>[] = [
  { head: 'NAME', cell: ({ name }) => name },
  { head: 'STATE', cell: ({ state }) => state.toLowerCase() },
  { head: 'LOCATION', cell: ({ location }) => location },
  { head: 'LAN', cell: ({ lanPrefixes }) => lanPrefixes.join(' ') },
  { head: 'LABELS', cell: ({ labels }) => labels.join(' ') },
  { head: 'UP Mbit/s', cell: ({ bandwidthUpMbps }) => bandwidthUpMbps },
  { head: 'DOWN Mbit/s', cell: ({ bandwidthDownMbps }) => bandwidthDownMbps },
  { head: 'ID', cell: ({ id }) => id },
];

const SITE_STATES = ['empty', 'pending', 'offline', 'degraded', 'healthy'];

/** `longhaul sites …` */
export function sitesCommand(): Command {
  return new Command('sites')
    .description('sites of the organization')
    .addCommand(listCommand())
    .addCommand(createCommand())
    .addCommand(deleteCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('sites by name')
    .option('--name <text>', 'only those with this in their name')
    .option('--label <label>', 'only those that carry it')
    .addOption(upperCaseChoice('--state <state>', 'only those that are so', SITE_STATES))
    .option('--json', 'print as JSON')
    .action(async ({ json, ...filter }: OutputOptions & SiteFilter) => {
      const sites = await (await signedIn()).all(operations.sites, filter);
      print(sites, { json }, () => formatTable(sites, COLUMNS));
    });
}

interface SiteFilter {
  readonly name?: string;
  readonly label?: string;
  readonly state?: string;
}

interface CreateArguments extends OutputOptions {
  readonly location?: string;
  readonly lan?: string[];
  readonly label?: string[];
  readonly up?: number;
  readonly down?: number;
  readonly hub?: string[];
}

function parseMbps(text: string): number {
  const mbps = Number(text);
  if (!(mbps > 0)) throw new InvalidArgumentError('It must be Mbit/s, more than 0.');
  return mbps;
}

function createCommand(): Command {
  return new Command('create')
    .argument('<name>', 'what people call it')
    .option('--location <text>', 'where it is')
    .option('--lan <prefix>', 'address block behind it, repeatable', collect)
    .option('--label <label>', 'word by which rules choose it, repeatable', collect)
    .option('--up <mbps>', 'bandwidth of its link, sending', parseMbps)
    .option('--down <mbps>', 'bandwidth of its link, receiving', parseMbps)
    .option('--hub <site>', 'site that it is linked to, and to no other; name or id, repeatable', collect)
    .option('--json', 'print as JSON')
    .action(async (name: string, args: CreateArguments) => {
      const api = await signedIn();
      const sites = args.hub === undefined ? [] : await api.all(operations.sites);
      const input = {
        name,
        location: args.location,
        lanPrefixes: args.lan,
        labels: args.label,
        bandwidthUpMbps: args.up,
        bandwidthDownMbps: args.down,
        hubSiteIds: args.hub?.map((wanted) => findOne('site', wanted, sites, (site) => site.name).id),
      };
      const { createSite: site } = await api.call(operations.createSite, { input });
      print(site, args, () => `Site ${site.name} is there (${site.id}).`);
    });
}

function deleteCommand(): Command {
  return new Command('delete')
    .argument('<site>', 'name or id')
    .option('--json', 'print as JSON')
    .action(async (wanted: string, options: OutputOptions) => {
      const api = await signedIn();
      const sites = await api.all(operations.sites);
      const { id, name } = findOne('site', wanted, sites, (site) => site.name);
      await api.call(operations.deleteSite, { id });
      print({ id, name, deleted: true }, options, () => `Site ${name} is deleted.`);
    });
}
