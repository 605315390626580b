import { findLink, type Link, loadLinks, runStream } from '@longhaul/wan-emulator';
import { Command } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { numberWithin, parseList } from '../commands/options.js';
import { ACCELERATED_PORT, TwoSiteFleet } from '../fleet/two-site-fleet.js';
import { SITE_ADDRESSES } from '../network/lab-network.js';
import { prepareWorkload, type Workload } from '../workloads/workload.js';
import { compare, comparisonHeader, comparisonRow } from './comparison.js';
import { loadSettings, type ShowcaseSettings } from './settings.js';

/** Of one of the transfers that keep the dashboard alive, and of the pause behind it. */
const LIVE_SECONDS = 30;
const LIVE_PAUSE_MS = 2_000;

/** `lab showcase`: what `npm start` runs. */
export function showcaseCommand(): Command {
  return new Command('showcase')
    .description('the whole product on this machine: control plane, two sites, the comparison, a live portal')
    .option(
      '--port <port>',
      'of the portal and API, on 127.0.0.1 (LONGHAUL_PORT; default 8443)',
      numberWithin(1, 65_535, true),
    )
    .option(
      '--state-dir <folder>',
      'what outlives a run (LONGHAUL_SHOWCASE_DIR; default /var/lib/longhaul/showcase)',
    )
    .option('--links <names>', "links of the table (default: the report's five)", parseList)
    .option('--live-link <name>', 'link that carries traffic afterwards (default mpls)')
    .option('--workload <name>', 'what is moved: vm, random, text or file:PATH (default vm)')
    .option('--no-table', 'go straight to the live portal')
    .option('--once', 'end after the table')
    .action(async (flags: Record<string, unknown>) => {
      await showcase(loadSettings(flags, process.env));
    });
}

async function showcase(settings: ShowcaseSettings): Promise<void> {
  const { links, reportSeconds } = loadLinks();
  const chosen = settings.links.map((name) => findLink(links, name));
  const liveLink = findLink(links, settings.liveLink);
  const stop = stopSignal();
  const workload = await prepareWorkload(settings.workload, { progress });
  const fleet = await TwoSiteFleet.start({
    stateDir: settings.stateDir,
    port: settings.port,
    link: chosen[0],
    external: settings.external,
    progress: (part) => {
      progress(`starting ${part}`);
    },
  });
  try {
    if (settings.table) await Promise.race([printTable(fleet, chosen, workload, reportSeconds), stop]);
    if (settings.once || stop.requested) return;
    announce(fleet, liveLink);
    await Promise.race([keepBusy(fleet, liveLink, workload), stop]);
  } finally {
    progress('stopping');
    await fleet.stop();
  }
}

async function printTable(
  fleet: TwoSiteFleet,
  links: readonly Link[],
  workload: Workload,
  reportSeconds: ReturnType<typeof loadLinks>['reportSeconds'],
): Promise<void> {
  say(
    `\nThe same ${workload.name === 'vm' ? "virtual machine's memory" : workload.name} over each link, by CUBIC and through Longhaul:\n`,
  );
  say(comparisonHeader());
  for (const link of links) say(comparisonRow(await compare(fleet, link, workload), reportSeconds));
}

function announce({ controlPlane }: TwoSiteFleet, link: Link): void {
  const { url, admin } = controlPlane;
  say(`\nPortal    ${url}   (its certificate is from the controller's own CA)`);
  say(`Sign in   ${admin.email}   ${admin.password}`);
  say(`Traffic   ${link.title}: ${link.rateMbps} Mbit/s, ${link.rttMs} ms, ${link.lossPct} % loss`);
  say('Ctrl-C ends everything.\n');
}

async function keepBusy({ network }: TwoSiteFleet, link: Link, workload: Workload): Promise<never> {
  await network.setLink(link);
  for (;;) {
    await runStream({
      from: network.a,
      to: network.b,
      listen: `${SITE_ADDRESSES.b.lan}:${ACCELERATED_PORT}`,
      pattern: workload.pattern(1),
      seconds: LIVE_SECONDS,
    });
    await sleep(LIVE_PAUSE_MS);
  }
}

interface StopSignal extends Promise<void> {
  requested: boolean;
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): StopSignal {
  let resolveStop: () => void = () => undefined;
  const stop = Object.assign(new Promise<void>((resolve) => (resolveStop = resolve)), { requested: false });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.requested) process.exit(130);
      stop.requested = true;
      resolveStop();
    });
  }
  return stop;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
