import { type Link, type LinkFile, runStream, warmMemory } from '@longhaul/wan-emulator';
import { ACCELERATED_PORT, DIRECT_PORT, type TwoSiteFleet } from '../fleet/two-site-fleet.js';
import { SITE_ADDRESSES } from '../network/lab-network.js';
import { mbps } from '../runs/series.js';
import type { Workload } from '../workloads/workload.js';

const MIB = 2 ** 20;
const MAX_SECONDS = 120;
const WARM_BYTES = 128 * MIB;

/** One link: the same bytes without and with Longhaul, beside the report's own figures. */
export interface Comparison {
  readonly link: Link;
  readonly mebibytes: number;
  readonly direct: Passage;
  readonly accelerated: Passage;
}

interface Passage {
  readonly seconds: number;
  readonly mbps: number;
}

/** MiB moved over a link: less where the kernel's TCP would take minutes. */
export function mebibytesFor(link: Link): number {
  return link.rateMbps >= 1000 && link.lossPct < 0.1 ? 512 : 128;
}

/** Moves the same bytes over a link, first by the kernel's CUBIC, then through Longhaul. */
export async function compare(fleet: TwoSiteFleet, link: Link, workload: Workload): Promise<Comparison> {
  const mebibytes = mebibytesFor(link);
  await fleet.network.setLink(link);
  await warmMemory(fleet.network.b, WARM_BYTES);
  const direct = await passage(fleet, workload, mebibytes, DIRECT_PORT);
  const accelerated = await passage(fleet, workload, mebibytes, ACCELERATED_PORT);
  return { link, mebibytes, direct, accelerated };
}

async function passage(
  { network }: TwoSiteFleet,
  workload: Workload,
  mebibytes: number,
  port: number,
): Promise<Passage> {
  await network.emulator.flush();
  await network.emulator.seed(1);
  await network.emulator.spin(true);
  try {
    const { sink, source } = await runStream({
      from: network.a,
      to: network.b,
      listen: `${SITE_ADDRESSES.b.lan}:${port}`,
      pattern: workload.pattern(1),
      bytes: mebibytes * MIB,
      congestion: 'cubic',
      maxSeconds: MAX_SECONDS,
    });
    if (source.congestion !== 'cubic')
      throw new Error(`the source's TCP was ${source.congestion}, not cubic`);
    if (!sink.intact || sink.bytes !== mebibytes * MIB) {
      throw new Error(
        `port ${port}: ${sink.bytes} bytes came, ended by ${sink.ended}, intact: ${sink.intact}`,
      );
    }
    return { seconds: sink.seconds, mbps: mbps(sink.bytes, sink.seconds) };
  } finally {
    await network.emulator.spin(false);
  }
}

const COLUMNS = [
  ['link', 9],
  ['MiB', 5],
  ['TCP s', 7],
  ['Mbit/s', 7],
  ['Longhaul s', 11],
  ['Mbit/s', 7],
  ['faster', 7],
  ['  2010 report: TCP s', 20],
  ['with its accelerator s', 23],
  ['faster', 7],
] as const;

export function comparisonHeader(): string {
  return format(COLUMNS.map(([title]) => title));
}

export function comparisonRow(
  { link, mebibytes, direct, accelerated }: Comparison,
  { unaccelerated, accelerated: reportAccelerated }: LinkFile['reportSeconds'],
): string {
  const before = unaccelerated[link.name];
  const after = reportAccelerated[link.name];
  return format([
    link.name,
    String(mebibytes),
    direct.seconds.toFixed(1),
    direct.mbps.toFixed(0),
    accelerated.seconds.toFixed(1),
    accelerated.mbps.toFixed(0),
    `${(direct.seconds / accelerated.seconds).toFixed(1)}x`,
    before.toFixed(1),
    after.toFixed(1),
    `${(before / after).toFixed(1)}x`,
  ]);
}

function format(cells: readonly string[]): string {
  return cells
    .map((cell, i) => (i === 0 ? cell.padEnd(COLUMNS[i][1]) : cell.padStart(COLUMNS[i][1])))
    .join(' ');
}
