import { type Link, loadLinks, measureEmulator } from '@longhaul/wan-emulator';
import { Command, InvalidArgumentError } from 'commander';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { numberWithin, parseList, parseTransports, resolveLinks } from '../commands/options.js';
import { LabNetwork } from '../network/lab-network.js';
import { renderPage } from '../report/index.js';
import { describeHost } from '../runs/host.js';
import { stolenSeconds } from '../runs/processor-time.js';
import type { Transport } from '../runs/transfer-result.js';
import { DEFAULT_WORKLOAD_FOLDER, prepareWorkload } from '../workloads/workload.js';
import { type BenchDocument, type SectionName, SECTIONS } from './bench-document.js';
import { benchMarkdown } from './bench-markdown.js';
import { benchPage } from './bench-page.js';
import { runConnections } from './connections.js';
import type { BenchContext } from './context.js';
import { runDirect } from './direct.js';
import { runMemory } from './memory.js';
import { runPing } from './ping.js';
import { runSmallRequests } from './requests.js';
import { runSharing } from './sharing.js';
import { runForQueue, runRandom, runVm } from './transfers.js';

interface BenchArguments {
  links?: string[];
  transports: Transport[];
  seeds: number;
  seconds?: number;
  only?: SectionName[];
  linksFile?: string;
  workloadFolder: string;
  prefix?: string;
  out?: string;
  json?: boolean;
}

/** `lab bench` */
export function benchCommand(): Command {
  return new Command('bench')
    .description('measures the tunnel beside the kernel’s TCP on every link and compares it with its bars')
    .option('--links <names>', 'links, separated by commas; all by default', parseList)
    .option('--transports <names>', 'with kcptun, if it is installed', parseTransports, [
      'cubic',
      'bbr',
      'longhaul',
    ])
    .option('--seeds <n>', 'runs of each combination; medians are judged', numberWithin(1, 100, true), 3)
    .option(
      '--seconds <n>',
      'length of each transfer; by default 6 on gigabit links, 10 to 30 on others',
      numberWithin(2, 600),
    )
    .option('--only <sections>', `${SECTIONS.join(', ')}; all by default`, parseSections)
    .option('--links-file <file>', 'links of your own, in the form of libs/wan-emulator/links.json')
    .option('--workload-folder <folder>', 'where made workloads are kept', DEFAULT_WORKLOAD_FOLDER)
    .option('--prefix <prefix>', 'of the namespaces, so that several labs can run')
    .option('--out <folder>', 'writes bench.json, bench.html and bench.md there')
    .option('--json', 'one JSON document on standard output instead of Markdown')
    .action(bench);
}

function parseSections(text: string): SectionName[] {
  const wanted = parseList(text);
  const unknown = wanted.find((name) => !SECTIONS.some((section) => section === name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`there is no section "${unknown}"; there are ${SECTIONS.join(', ')}.`);
  }
  return SECTIONS.filter((section) => wanted.includes(section));
}

async function bench(args: BenchArguments): Promise<void> {
  const links = args.links ? resolveLinks(args.links, args.linksFile) : loadLinks(args.linksFile).links;
  const [first] = links;
  if (!first) return;
  const network = await LabNetwork.create(first, { prefix: args.prefix, direct: true });
  try {
    const document = await measure(network, links, args);
    if (args.out !== undefined) write(args.out, document);
    process.stdout.write(`${args.json ? JSON.stringify(document) : benchMarkdown(document)}\n`);
    if (document.failures.length > 0)
      throw new Error(`${document.failures.length} runs could not be measured`);
  } finally {
    await network.destroy();
  }
}

/** Long enough to leave the start behind: some 50 round trips on the longest link. */
function secondsOn({ rateMbps, rttMs }: Link): number {
  return rateMbps >= 1000 ? 6 : Math.round(10 + rttMs / 30);
}

async function measure(
  network: LabNetwork,
  links: readonly Link[],
  args: BenchArguments,
): Promise<BenchDocument> {
  const startedMs = performance.now();
  const [stolenBefore, measuredAt] = [stolenSeconds(), new Date().toISOString()];
  const context: BenchContext = {
    network,
    links,
    transports: args.transports,
    seeds: Array.from({ length: args.seeds }, (_, i) => i + 1),
    workloads: {
      random: await prepareWorkload('random'),
      vm: () => prepareWorkload('vm', { folder: args.workloadFolder, progress }),
    },
    secondsOn: (link) => args.seconds ?? secondsOn(link),
    failures: [],
    progress,
  };
  const sections = args.only ?? [...SECTIONS];
  const emulator = await measureLinks(context);
  const figures = await runSections(context, sections);
  return {
    bench: 'tunnel',
    measuredAt,
    minutes: Number(((performance.now() - startedMs) / 60_000).toFixed(1)),
    stolenSeconds: Number((stolenSeconds() - stolenBefore).toFixed(2)),
    host: describeHost(network.emulator.features),
    sections,
    seeds: [...context.seeds],
    links: Object.fromEntries(
      links.map((link) => [link.name, { rttMs: link.rttMs, seconds: context.secondsOn(link) }]),
    ),
    emulator,
    ...figures,
    failures: context.failures,
  };
}

async function measureLinks({ network, links }: BenchContext): Promise<BenchDocument['emulator']> {
  const measured: BenchDocument['emulator'] = {};
  for (const link of links) {
    progress(`measuring the emulator on ${link.name}`);
    measured[link.name] = await measureEmulator(network, link);
  }
  return measured;
}

async function runSections(
  context: BenchContext,
  sections: readonly SectionName[],
): Promise<
  Pick<
    BenchDocument,
    'runs' | 'direct' | 'sharing' | 'ping' | 'crowds' | 'interactive' | 'requests' | 'memory'
  >
> {
  const wants = (section: SectionName): boolean => sections.includes(section);
  const random = wants('random')
    ? await runRandom(context)
    : wants('queue')
      ? await runForQueue(context)
      : [];
  const vm = wants('vm') ? await runVm(context) : [];
  return {
    runs: [...random, ...vm],
    direct: wants('direct') ? await runDirect(context) : [],
    sharing: wants('sharing') ? await runSharing(context) : [],
    ping: wants('ping') ? await runPing(context) : [],
    ...(wants('connections') ? await runConnections(context) : { crowds: [], interactive: [] }),
    requests: wants('requests') ? await runSmallRequests(context) : [],
    memory: wants('memory') ? await runMemory(context) : [],
  };
}

function write(folder: string, document: BenchDocument): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'bench.json'), JSON.stringify(document));
  writeFileSync(join(folder, 'bench.html'), renderPage(benchPage(document)));
  writeFileSync(join(folder, 'bench.md'), `${benchMarkdown(document)}\n`);
  progress(`wrote bench.json, bench.html and bench.md to ${folder}`);
}

function progress(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}
