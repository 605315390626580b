import { addonPath, loadAddon } from './addon.js';
import type { Binding, Capabilities } from './binding.js';
import { fallback } from './fallback/index.js';

/** The environment's say: `addon` or `fallback` and nothing else, or `auto` (the default), the addon if it loads. */
const SETTING = 'LONGHAUL_NATIVE';

interface Implementation {
  readonly name: 'addon' | 'fallback';
  readonly binding: Binding;
  /** Why it is the fallback. */
  readonly reason: string | undefined;
}

/** The fallback in use, for a log. */
export interface FallbackNotice {
  readonly reason: string;
  /** What the addon would do, each a phrase. */
  readonly lost: readonly string[];
}

const LOST: Record<keyof Capabilities, string> = {
  marks: 'marks on packets (SO_MARK)',
  interception: 'interception',
  reusePort: 'shared ports (SO_REUSEPORT)',
  tcpTuning: 'kernel buffers, segment size and congestion control of TCP connections',
  idleResets: 'resets of connections that nobody reads',
  kernelQueues: 'what the kernel still holds of written bytes',
  datagramMarks: 'service classes and ECN of the tunnel',
  mtuProbes: "packets larger than 1200 bytes (probes of the path's MTU)",
  zstdCompression: 'compression by zstd (LZ4 takes its place)',
};

function choose(): Implementation {
  const wanted = process.env[SETTING] ?? 'auto';
  if (wanted === 'fallback') {
    return { name: 'fallback', binding: fallback, reason: `${SETTING} says so` };
  }
  if (wanted !== 'addon' && wanted !== 'auto') {
    throw new Error(`${SETTING} has to be auto, addon or fallback, not "${wanted}"`);
  }
  try {
    return { name: 'addon', binding: loadAddon(), reason: undefined };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (wanted === 'auto') return { name: 'fallback', binding: fallback, reason };
    throw new Error(
      `the native addon cannot be loaded: run "npm run build --workspace @longhaul/native" (${addonPath})`,
      { cause },
    );
  }
}

export const implementation: Implementation = choose();
export const { binding } = implementation;

/** Undefined where the addon is in use. */
export function fallbackNotice(): FallbackNotice | undefined {
  const { reason } = implementation;
  if (reason === undefined) return undefined;
  const { capabilities } = binding;
  const names = Object.keys(LOST) as (keyof Capabilities)[];
  const lost = names.filter((name) => !capabilities[name]).map((name) => LOST[name]);
  return {
    reason,
    lost: ['batches of packets for each system call, and with them most of the speed', ...lost],
  };
}
