/** Bars for a transfer of random bytes over one TCP connection, Mbit/s at the sink. */
export interface GoodputBar {
  /** Of the whole run, from its first byte. */
  firstByteMbps: number;
  /** Of its second half. */
  steadyMbps: number;
}

/**
 * What the tunnel has to reach on each link of links.json, in the rules of this bench: cold, no rate configured,
 * profile lossy, both agents, emulator, source and sink on one machine of two cores. They were set from what the
 * kernel's BBR reached on such a machine and from what each link leaves after headers of 60 bytes and its own loss.
 */
export const GOODPUT_BARS: Readonly<Record<string, GoodputBar>> = {
  baseline: { firstByteMbps: 930, steadyMbps: 940 },
  sonet: { firstByteMbps: 930, steadyMbps: 940 },
  'll-metro': { firstByteMbps: 930, steadyMbps: 940 },
  metro: { firstByteMbps: 930, steadyMbps: 940 },
  mpls: { firstByteMbps: 93, steadyMbps: 94 },
  'mpls-reorder': { firstByteMbps: 92, steadyMbps: 93 },
  intercontinental: { firstByteMbps: 180, steadyMbps: 187 },
  satellite: { firstByteMbps: 42, steadyMbps: 46 },
  lossy: { firstByteMbps: 915, steadyMbps: 930 },
  bad: { firstByteMbps: 89, steadyMbps: 91 },
};

/** Of the bytes sent, as a share of what headers and the link's own loss leave. */
export const USEFUL_SHARE_BAR = 0.98;

/** CPU seconds of an agent for each GB of application bytes. */
export const CPU_BARS = {
  /** Random bytes through an emulated gigabit link. */
  gigabit: { sending: 2.5, receiving: 3.5 },
  /** Random bytes over a cable without an emulator. */
  direct: { sending: 2, receiving: 2 },
  /** The memory of a virtual machine through an emulated gigabit link. */
  vm: { sending: 3, receiving: 3 },
};

/** Random bytes through one pair of agents over a cable without an emulator, Mbit/s. */
export const DIRECT_BAR_MBPS = 2500;

/** Goodput of a virtual machine's memory, times BBR's. */
export const VM_TIMES_BBR_BAR = 3;

/** Queue that a tunnel keeps standing, milliseconds. */
export function standingQueueBarMs(link: { name: string; rttMs: number; fullQueueMs: number }): number {
  if (link.name === 'metro') return 3;
  if (['baseline', 'sonet', 'll-metro'].includes(link.name)) return link.fullQueueMs / 4;
  return link.rttMs / 4;
}

/** Two tunnels side by side: the smaller one's share, percent. */
export const SMALLER_SHARE_BAR_PCT = 45;
/** A tunnel of profile fair beside one flow of the kernel: its share, percent. */
export const BESIDE_KERNEL_BAR_PCT = 60;
/** Median round trip of a ping beside a transfer on mpls, whose idle one is 25 ms. */
export const PING_BAR_MS = 32;
/** Bytes of the slowest of 2,000 connections, as a share of the median connection's. */
export const SLOWEST_SHARE_BAR = 0.25;
/** What bulk adds to an interactive stream's round trip on metro, milliseconds. */
export const INTERACTIVE_BAR_MS = 5;
/** A request and its answer on a new connection, in round trips of the link. */
export const REQUEST_BAR_RTT = 1.05;
/** An agent's memory for streams as docs/static-config.md has it (`memoryMiB`), which stalled receivers may fill. */
export const STREAM_MEMORY_MIB = 1024;
