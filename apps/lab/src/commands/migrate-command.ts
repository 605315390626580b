import { loadLinks } from '@longhaul/wan-emulator';
import { Command } from 'commander';
import { writeFileSync } from 'node:fs';
import { findAccelerator } from '../migration/accelerator.js';
import { GUEST_FOLDER } from '../migration/guest-folder.js';
import { prepareGuestImage } from '../migration/guest-image.js';
import { planGuestMemory } from '../migration/guest-memory.js';
import type { MigrationDocument } from '../migration/migration-document.js';
import { migrationPage } from '../migration/migration-page.js';
import type { MigrationResult } from '../migration/migration-result.js';
import { formatMigrations } from '../migration/migration-table.js';
import { formatReportComparison } from '../migration/report-comparison.js';
import { ensureQemu } from '../migration/requirements.js';
import { type MigrationOptions, runMigration } from '../migration/run-migration.js';
import { LabNetwork } from '../network/lab-network.js';
import { checkRequirements } from '../network/requirements.js';
import { renderPage } from '../report/index.js';
import { describeHost } from '../runs/host.js';
import { type Transport, TRANSPORTS } from '../runs/transfer-result.js';
import { refuseStandstill } from '../runs/standstill.js';
import { retryVoid } from '../runs/void-run.js';
import { numberWithin, parseList, parseTransports, resolveLinks } from './options.js';

const DEFAULT_LINKS = ['baseline', 'sonet', 'll-metro', 'metro', 'mpls', 'intercontinental'];

interface MigrateArguments {
  links: string[];
  linksFile?: string;
  transports: Transport[];
  runs: number;
  seed: number;
  guestMb: number;
  maxSeconds: number;
  folder: string;
  prefix?: string;
  html?: string;
  json?: boolean;
}

/** `lab migrate` */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description(
      "moves a running guest between the sites by QEMU's live migration, by several transports in turn",
    )
    .option('--links <names>', 'links, separated by commas', parseList, DEFAULT_LINKS)
    .option('--transports <names>', TRANSPORTS.join(', '), parseTransports, ['cubic', 'bbr', 'longhaul'])
    .option('--runs <n>', 'migrations of each combination', numberWithin(1, 100, true), 1)
    .option('--seed <n>', 'seed of the losses, counted up by run', numberWithin(0, 2 ** 31, true), 1)
    .option(
      '--guest-mb <n>',
      "the guest's memory in MiB, half of it in use",
      numberWithin(256, 8192, true),
      1024,
    )
    .option('--max-seconds <n>', 'a migration is cancelled after this', numberWithin(10, 3600), 400)
    .option('--links-file <file>', 'links of your own, in the form of libs/wan-emulator/links.json')
    .option('--folder <folder>', 'where the guest is kept', GUEST_FOLDER)
    .option('--prefix <prefix>', 'of the namespaces, so that several labs can run')
    .option('--html <file>', 'a page with charts, one file that needs nothing else')
    .option('--json', 'one JSON document on standard output')
    .action(migrate);
}

async function migrate(args: MigrateArguments): Promise<void> {
  const links = resolveLinks(args.links, args.linksFile);
  const [first] = links;
  if (!first) return;
  checkRequirements();
  await ensureQemu(progress);
  const image = await prepareGuestImage(args.folder, progress);
  const memory = await planGuestMemory(args.guestMb, args.folder, progress);
  const { accelerator, reason } = findAccelerator();
  progress(
    reason === undefined
      ? 'the guest runs on KVM'
      : `the guest is emulated (TCG: ${reason}): compare seconds within one run, do not quote them`,
  );
  const network = await LabNetwork.create(first, { prefix: args.prefix, stretchedLan: true });
  try {
    const { machineMiB, filledMiB, rewrittenBytesPerSecond } = memory;
    const guest = { accelerator, machineMiB, filledMiB, rewrittenBytesPerSecond };
    const measuredAt = new Date().toISOString();
    const host = describeHost(network.emulator.features);
    const document: MigrationDocument = { measuredAt, host, guest, runs: [] };
    for (const link of links) {
      const common = { network, link, image, memory, accelerator, maxSeconds: args.maxSeconds };
      document.runs.push(...(await migrateOver(common, args)));
    }
    print(document, args);
    refuseFailures(document.runs);
  } finally {
    await network.destroy();
  }
}

async function migrateOver(
  common: Omit<MigrationOptions, 'seed' | 'transport'>,
  { seed: firstSeed, runs, transports }: MigrateArguments,
): Promise<MigrationResult[]> {
  const results: MigrationResult[] = [];
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    for (const transport of transports) {
      progress(`moving the guest over ${common.link.name} by ${transport}, seed ${seed}`);
      const move = () => runMigration({ ...common, transport, seed });
      const result = await retryVoid(
        () => refuseStandstill(move),
        ({ message }) => progress(message),
      );
      progress(formatMigrations([result]));
      results.push(result);
    }
  }
  return results;
}

/** The kernel's TCP may be too slow for a guest on some link; Longhaul may not, and no byte may be wrong. */
function refuseFailures(runs: readonly MigrationResult[]): void {
  const failed = runs.filter(({ transport, completed }) => transport === 'longhaul' && !completed);
  if (failed.length > 0) throw new Error(`${failed.length} migrations through Longhaul failed`);
  const broken = runs.filter(({ memoryIntact }) => !memoryIntact);
  if (broken.length > 0) throw new Error(`${broken.length} guests had wrong bytes in their memory`);
}

function print(document: MigrationDocument, { json, html }: MigrateArguments): void {
  if (html !== undefined) {
    writeFileSync(html, renderPage(migrationPage(document)));
    progress(`wrote ${html}`);
  }
  const { runs } = document;
  const tables = (): string =>
    `${formatMigrations(runs)}\n\n${formatReportComparison(runs, loadLinks().reportSeconds)}`;
  process.stdout.write(`${json ? JSON.stringify(document) : tables()}\n`);
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
