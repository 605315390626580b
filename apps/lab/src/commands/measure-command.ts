import { type LinkMeasurement, loadLinks, measureEmulator } from '@longhaul/wan-emulator';
import { Command } from 'commander';
import { LabNetwork } from '../network/lab-network.js';
import { formatMeasurements } from '../runs/run-table.js';
import { parseList, resolveLinks } from './options.js';

interface MeasureArguments {
  links?: string[];
  linksFile?: string;
  prefix?: string;
  json?: boolean;
}

/** `lab measure` */
export function measureCommand(): Command {
  return new Command('measure')
    .description("measures the emulator's own error: what was asked of it and what it gave")
    .option('--links <names>', 'links, separated by commas; all by default', parseList)
    .option('--links-file <file>', 'links of your own, in the form of libs/wan-emulator/links.json')
    .option('--prefix <prefix>', 'of the namespaces, so that several labs can run')
    .option('--json', 'one JSON document on standard output')
    .action(measure);
}

async function measure({ links: names, linksFile, prefix, json }: MeasureArguments): Promise<void> {
  const links = names ? resolveLinks(names, linksFile) : loadLinks(linksFile).links;
  const [first] = links;
  if (!first) return;
  const network = await LabNetwork.create(first, { prefix });
  try {
    const measured: LinkMeasurement[] = [];
    for (const link of links) {
      process.stderr.write(`measuring ${link.name}\n`);
      measured.push(await measureEmulator(network, link));
    }
    const document = { emulator: Object.fromEntries(measured.map((one) => [one.link, one])) };
    process.stdout.write(`${json ? JSON.stringify(document) : formatMeasurements(measured)}\n`);
  } finally {
    await network.destroy();
  }
}
