import { Command, InvalidArgumentError } from 'commander';
import { findOne } from '../find.js';
import { operations, type Upgrade, type UpgradePlan } from '../operations.js';
import { formatTable, print, type Column, type OutputOptions } from '../output.js';
import { signedIn } from './context.js';

const COLUMNS: readonly Column<Upgrade>[] = [
  { head: 'VERSION', cell: ({ version }) => version },
  { head: 'STATE', cell: ({ state }) => state.toLowerCase() },
  { head: 'STAGE', cell: ({ stage, stages }) => `${stage + 1}/${stages.length}` },
  { head: 'UPGRADED', cell: ({ progress }) => `${progress.upgraded}/${progress.agents}` },
  { head: 'FAILED', cell: ({ progress }) => progress.failed },
  { head: 'BY HAND', cell: ({ progress }) => progress.byHand },
  { head: 'REASON', cell: ({ reason }) => reason },
  { head: 'ID', cell: ({ id }) => id },
];

/** `longhaul upgrades …` */
export function upgradesCommand(): Command {
  return new Command('upgrades')
    .description('versions of the agent on their way to the sites')
    .addCommand(listCommand())
    .addCommand(versionsCommand())
    .addCommand(planCommand())
    .addCommand(startCommand())
    .addCommand(
      changeCommand('resume', 'goes on with a halted one; agents that refused the version try it again'),
    )
    .addCommand(changeCommand('abort', 'ends it; agents go back to the version that was wanted before'))
    .addCommand(wantCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('the newest first')
    .option('--json', 'print as JSON')
    .action(async (options: OutputOptions) => {
      const upgrades = await (await signedIn()).all(operations.upgrades);
      print(upgrades, options, () => formatTable(upgrades, COLUMNS));
    });
}

function versionsCommand(): Command {
  return new Command('versions')
    .description('how many agents run which version')
    .option('--json', 'print as JSON')
    .action(async (options: OutputOptions) => {
      const { fleet, organization } = await (await signedIn()).call(operations.versions);
      const versions = { wanted: organization.agentVersion, running: fleet.agentVersions };
      print(versions, options, ({ wanted, running }) =>
        [
          formatTable(running, [
            { head: 'VERSION', cell: ({ version }) => version },
            { head: 'AGENTS', cell: ({ agents }) => agents },
          ]),
          wanted === null ? 'No version is wanted: agents keep what they run.' : `Wanted: ${wanted}`,
        ].join('\n'),
      );
    });
}

interface StageArguments extends OutputOptions {
  readonly canary?: string;
  readonly percent?: number[];
  readonly soak?: number;
  readonly confirm?: number;
  readonly maxFailures?: number;
  readonly drain?: number;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

const wholeNumbers = (text: string, before: number[] = []): number[] => [...before, wholeNumber(text)];

function withStages(command: Command): Command {
  return command
    .argument('<version>', 'of a release')
    .option('--canary <label>', 'sites with this label first')
    .option('--percent <share>', 'then this share of all sites; repeatable, ascending', wholeNumbers)
    .option('--soak <seconds>', 'how long each stage has to hold (600)', wholeNumber)
    .option('--confirm <seconds>', 'how long a connected agent may take (900)', wholeNumber)
    .option('--max-failures <count>', 'it halts when more agents fail (0)', wholeNumber)
    .option('--drain <seconds>', 'how long connections of the version before may last (300)', wholeNumber)
    .option('--json', 'print as JSON');
}

const inputOf = (
  version: string,
  { canary, percent, soak, confirm, maxFailures, drain }: StageArguments,
) => ({
  version,
  canaryLabel: canary,
  percentages: percent,
  soakSeconds: soak,
  confirmSeconds: confirm,
  maxFailures,
  drainSeconds: drain,
});

function planCommand(): Command {
  return withStages(new Command('plan').description('shows what "start" would do; changes nothing')).action(
    async (version: string, { json, ...stages }: StageArguments) => {
      const input = inputOf(version, stages);
      const { planUpgrade } = await (await signedIn()).call(operations.planUpgrade, { input });
      print(planUpgrade, { json }, describePlan);
    },
  );
}

function describePlan({ stages, upgraded, byHand, leftAlone }: UpgradePlan): string {
  return [
    ...stages.map(({ label, percent, sites }, index) => {
      const whom = label === null ? `${percent ?? 100} % of all sites` : `sites with the label "${label}"`;
      return `Stage ${index + 1}: ${whom}, ${sites} in all by then`;
    }),
    `${upgraded} agents run the version already, ${byHand} are to be upgraded by hand, ${leftAlone} are of sites with a version of their own.`,
  ].join('\n');
}

function startCommand(): Command {
  return withStages(new Command('start').description('has a version reach the sites stage by stage')).action(
    async (version: string, { json, ...stages }: StageArguments) => {
      const input = inputOf(version, stages);
      const { startUpgrade } = await (await signedIn()).call(operations.startUpgrade, { input });
      print(
        startUpgrade,
        { json },
        ({ id, stages: { length } }) => `Upgrade ${id} has begun: stage 1 of ${length}.`,
      );
    },
  );
}

function changeCommand(name: 'resume' | 'abort', description: string): Command {
  return new Command(name)
    .description(description)
    .argument('<id>')
    .option('--json', 'print as JSON')
    .action(async (id: string, options: OutputOptions) => {
      const client = await signedIn();
      const upgrade =
        name === 'resume'
          ? (await client.call(operations.resumeUpgrade, { id })).resumeUpgrade
          : (await client.call(operations.abortUpgrade, { id })).abortUpgrade;
      print(upgrade, options, ({ state }) => `It is ${state.toLowerCase()}.`);
    });
}

function wantCommand(): Command {
  return new Command('want')
    .description('says which version agents are to run from now on, without stages')
    .argument('[version]', 'of a release; left out: what is wanted otherwise, or what they run')
    .option('--site <name or id>', 'of this site alone')
    .option('--json', 'print as JSON')
    .action(
      async (
        version: string | undefined,
        { site, ...options }: OutputOptions & { readonly site?: string },
      ) => {
        const client = await signedIn();
        const siteId =
          site === undefined
            ? null
            : findOne('site', site, await client.all(operations.sites), ({ name }) => name).id;
        const { setAgentVersion } = await client.call(operations.setAgentVersion, {
          siteId,
          version: version ?? null,
        });
        print(setAgentVersion, options, () => 'It is wanted from now on.');
      },
    );
}
