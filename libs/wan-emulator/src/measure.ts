import { z } from 'zod';
import type { EmulatorStatistics, WanEmulator } from './emulator.js';
import type { Link } from './links.js';
import { flood, type FloodResult, ping, type PingResult } from './traffic.js';
import type { Site } from './traffic-program.js';

/** An emulator with something to start programs in at both ends. */
export interface EmulatedPath {
  readonly emulator: WanEmulator;
  readonly a: Site & { readonly address: string };
  readonly b: Site & { readonly address: string };
}

const measuredSchema = z.object({ asked: z.number(), given: z.number() });

export const linkMeasurementSchema = z.object({
  link: z.string(),
  /** Median of UDP round trips on the idle link. */
  rttMs: measuredSchema.extend({ min: z.number(), p99: z.number(), max: z.number(), pings: z.number() }),
  /** IP bytes out of the far end under a flood, the slower direction. */
  rateMbps: measuredSchema.extend({ aToB: z.number(), bToA: z.number() }),
  /** Random losses of both directions; with few expected losses `given` is coarse, `expected` says so. */
  lossPct: measuredSchema.extend({ packets: z.number(), lost: z.number(), expected: z.number() }),
  /** Half of the spread of one-way delays. */
  jitterMs: measuredSchema,
  /** Delivery against due time under the flood, both directions. */
  latenessUs: measuredSchema.extend({ p50: z.number(), p99: z.number(), max: z.number() }),
});

/** The emulator's own error on one link: of each property what was asked and what it gave. */
export type LinkMeasurement = z.output<typeof linkMeasurementSchema>;

const PORT = 9;
const PINGS = 60;
const PING_INTERVAL_MS = 10;
const FLOOD_SECONDS = 1;
/** Above the rate, so that the queue never runs dry; what it drops is counted apart. */
const FLOOD_LOAD = 1.1;

/**
 * Measures what the emulator gives on a link, with probes of its own and not from its counters: round trips,
 * rate, loss and jitter; only tail drops and lateness are read from the emulator. Takes three to five seconds.
 * The link is left set, idle and with its statistics reset.
 */
export async function measureEmulator(path: EmulatedPath, link: Link): Promise<LinkMeasurement> {
  const { emulator } = path;
  await emulator.setLink(link);
  await emulator.flush();
  await emulator.spin(true);
  try {
    await settle(path, link);
    const pings = await pingLink(path, link);
    await emulator.resetStatistics();
    const outward = await floodLink(path.a, path.b, link);
    const back = await floodLink(path.b, path.a, link);
    const statistics = await emulator.statistics();
    return summarize(link, pings, outward, back, statistics);
  } finally {
    await emulator.flush();
    await emulator.resetStatistics();
    await emulator.spin(false);
  }
}

/** The first packets through a fresh path pay for neighbours, routes and cold code. */
async function settle(path: EmulatedPath, link: Link): Promise<void> {
  const options = { count: 5, intervalMs: 2, waitMs: waitFor(link) };
  await ping({ from: path.a, to: path.b, listen: `${path.b.address}:${PORT}`, ...options });
}

function pingLink(path: EmulatedPath, link: Link): Promise<PingResult> {
  return ping({
    from: path.a,
    to: path.b,
    listen: `${path.b.address}:${PORT}`,
    count: PINGS,
    intervalMs: PING_INTERVAL_MS,
    waitMs: waitFor(link),
  });
}

function floodLink(from: EmulatedPath['a'], to: EmulatedPath['a'], link: Link): Promise<FloodResult> {
  return flood({
    from,
    to,
    listen: `${to.address}:${PORT}`,
    rateMbps: link.rateMbps * FLOOD_LOAD,
    seconds: FLOOD_SECONDS,
    idleMs: waitFor(link),
  });
}

/** Long enough for the last packet through a full queue. */
function waitFor(link: Link): number {
  return 100 + 2 * link.rttMs + 2 * link.jitterMs;
}

function summarize(
  link: Link,
  pings: PingResult,
  outward: FloodResult,
  back: FloodResult,
  statistics: EmulatorStatistics,
): LinkMeasurement {
  const { aToB, bToA } = statistics;
  const packets = outward.sentPackets + back.sentPackets - aToB.tailDrops - bToA.tailDrops;
  const distinct = outward.receivedPackets - outward.duplicates + back.receivedPackets - back.duplicates;
  const lost = packets - distinct;
  const p99 = Math.max(aToB.latenessP99Us, bToA.latenessP99Us);
  const rtt = pings.rttUs;
  return {
    link: link.name,
    rttMs: {
      asked: link.rttMs,
      given: round(rtt.p50 / 1e3, 3),
      min: round(rtt.min / 1e3, 3),
      p99: round(rtt.p99 / 1e3, 3),
      max: round(rtt.max / 1e3, 3),
      pings: pings.received,
    },
    rateMbps: {
      asked: link.rateMbps,
      given: round(Math.min(outward.rateMbps, back.rateMbps), 2),
      aToB: round(outward.rateMbps, 2),
      bToA: round(back.rateMbps, 2),
    },
    lossPct: {
      asked: link.lossPct,
      given: round(packets > 0 ? (100 * lost) / packets : 0, 4),
      packets,
      lost,
      expected: round((packets * link.lossPct) / 100, 1),
    },
    jitterMs: {
      asked: link.jitterMs,
      given: round((pings.outwardUs.max - pings.outwardUs.min) / 2e3, 3),
    },
    latenessUs: {
      asked: 0,
      given: p99,
      p50: Math.max(aToB.latenessP50Us, bToA.latenessP50Us),
      p99,
      max: Math.max(aToB.latenessMaxUs, bToA.latenessMaxUs),
    },
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
