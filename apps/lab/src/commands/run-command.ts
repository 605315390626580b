import { type Link, measureEmulator } from '@longhaul/wan-emulator';
import { Command } from 'commander';
import { LabNetwork } from '../network/lab-network.js';
import { describeHost } from '../runs/host.js';
import { formatMeasurements, formatRuns, RUN_HEADER, runCells } from '../runs/run-table.js';
import type { RunDocument } from '../runs/run-document.js';
import { runTransfer } from '../runs/run-transfer.js';
import { type TransferResult, type Transport, TRANSPORTS } from '../runs/transfer-result.js';
import { VoidRunError } from '../runs/void-run.js';
import { DEFAULT_WORKLOAD_FOLDER, prepareWorkload, type Workload } from '../workloads/workload.js';
import { numberWithin, parseList, parseTransports, resolveLinks } from './options.js';

const MIB = 2 ** 20;

interface RunArguments {
  links: string[];
  workloads: string[];
  transports: Transport[];
  seconds: number;
  mebibytes?: number;
  seed: number;
  repeat: number;
  linksFile?: string;
  workloadFolder: string;
  prefix?: string;
  measure: boolean;
  json?: boolean;
}

/** `lab run` */
export function runCommand(): Command {
  return new Command('run')
    .description('sends workloads over emulated links by several transports in turn, and compares them')
    .option('--links <names>', 'links, separated by commas', parseList, ['metro', 'mpls'])
    .option('--workloads <names>', 'random, text, vm, file:PATH', parseList, ['random', 'vm'])
    .option('--transports <names>', TRANSPORTS.join(', '), parseTransports, ['cubic', 'bbr', 'longhaul'])
    .option('--seconds <n>', 'length of each run from its first byte', numberWithin(0.5, 3600), 10)
    .option('--mebibytes <n>', 'send so many MiB instead', numberWithin(1, 1 << 20, true))
    .option('--seed <n>', 'seed of the losses and of random bytes', numberWithin(0, 2 ** 31, true), 1)
    .option(
      '--repeat <n>',
      'runs of each combination, with seeds counted up; medians are shown',
      numberWithin(1, 100, true),
      1,
    )
    .option('--links-file <file>', 'links of your own, in the form of libs/wan-emulator/links.json')
    .option('--workload-folder <folder>', 'where made workloads are kept', DEFAULT_WORKLOAD_FOLDER)
    .option('--prefix <prefix>', 'of the namespaces, so that several labs can run')
    .option('--no-measure', "leave out the measurement of the emulator's own error")
    .option('--json', 'one JSON document on standard output')
    .action(run);
}

async function run(args: RunArguments): Promise<void> {
  const links = resolveLinks(args.links, args.linksFile);
  const workloads = [];
  for (const name of args.workloads) {
    workloads.push(await prepareWorkload(name, { folder: args.workloadFolder, progress }));
  }
  const [first] = links;
  if (!first) return;
  const network = await LabNetwork.create(first, { prefix: args.prefix, seed: args.seed });
  try {
    const document: RunDocument = {
      measuredAt: new Date().toISOString(),
      host: describeHost(network.emulator.features),
      emulator: {},
      runs: [],
    };
    for (const link of links) {
      if (args.measure) {
        progress(`measuring the emulator on ${link.name}`);
        document.emulator[link.name] = await measureEmulator(network, link);
      }
      for (const workload of workloads)
        document.runs.push(...(await runCombinations(network, link, workload, args)));
    }
    print(document, args.json === true);
    const broken = document.runs.filter((result) => !result.intact);
    if (broken.length > 0) throw new Error(`${broken.length} runs delivered wrong bytes`);
  } finally {
    await network.destroy();
  }
}

async function runCombinations(
  network: LabNetwork,
  link: Link,
  workload: Workload,
  args: RunArguments,
): Promise<TransferResult[]> {
  const results: TransferResult[] = [];
  for (let seed = args.seed; seed < args.seed + args.repeat; seed++) {
    for (const transport of args.transports) {
      const length =
        args.mebibytes === undefined ? { seconds: args.seconds } : { bytes: args.mebibytes * MIB };
      const result = await nameFailure(`${link.name} ${workload.name} ${transport} seed ${seed}`, () =>
        runTransfer({ network, link, workload, transport, seed, ...length }),
      );
      progress(
        runCells(result)
          .map((cell, i) => `${RUN_HEADER[i]?.toLowerCase()} ${cell}`)
          .slice(0, 7)
          .join(', '),
      );
      results.push(result);
    }
  }
  return results;
}

async function nameFailure<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    const message = `${what}: ${cause.message}`;
    throw cause instanceof VoidRunError
      ? new VoidRunError(message, { cause })
      : new Error(message, { cause });
  }
}

function print(document: RunDocument, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(document)}\n`);
    return;
  }
  const measured = Object.values(document.emulator);
  if (measured.length > 0) process.stdout.write(`${formatMeasurements(measured)}\n\n`);
  process.stdout.write(`${formatRuns(document.runs)}\n`);
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
