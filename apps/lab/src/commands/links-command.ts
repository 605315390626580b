import { goodputLimitMbps, type Link, loadLinks, queueBytes } from '@longhaul/wan-emulator';
import { Command } from 'commander';
import { formatTable } from '../runs/table.js';

/** `lab links` */
export function linksCommand(): Command {
  return new Command('links')
    .description('lists the emulated links')
    .option('--links-file <file>', 'links of your own, in the form of libs/wan-emulator/links.json')
    .action(({ linksFile }: { linksFile?: string }) => {
      const header = [
        'LINK',
        'TITLE',
        'Mbit/s',
        'RTT ms',
        'LOSS %',
        'JITTER ms',
        'QUEUE kB',
        'TCP LIMIT Mbit/s',
      ];
      process.stdout.write(`${formatTable(header, loadLinks(linksFile).links.map(cells), 2)}\n`);
    });
}

function cells(link: Link): string[] {
  const jitter = link.jitterMs === 0 ? '-' : `${link.jitterMs} ${link.jitterModel}`;
  return [
    link.name,
    link.title,
    String(link.rateMbps),
    String(link.rttMs),
    String(link.lossPct),
    jitter,
    (queueBytes(link) / 1e3).toFixed(0),
    goodputLimitMbps(link).toFixed(1),
  ];
}
