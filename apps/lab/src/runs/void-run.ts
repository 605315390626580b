import { type EmulatorStatistics, goodputLimitMbps, type Link, MTU_BYTES } from '@longhaul/wan-emulator';
import { mbps } from './series.js';

/** A run faster than its link can be, or through which the machine stood still: its figure is worth nothing. */
export class VoidRunError extends Error {}

/** Clocks of two processes and whole bursts at both ends of a run. */
const TOLERANCE = 1.01;

/** The lab looks at the link four times a second; one that was held up for longer was paused, and what it runs, too. */
const LONGEST_GAP_SECONDS = 1.5;

export interface RunToJudge {
  link: Link;
  statistics: EmulatorStatistics;
  /** From the reset of the statistics to their reading. */
  elapsedSeconds: number;
  /** Longest time for which the lab could not look at the link. */
  longestGapSeconds: number;
  /** Application bytes at the sink, and the seconds they took. */
  bytes: number;
  seconds: number;
  /** A transport that compresses may deliver more bytes than the link carries. */
  mayShrink: boolean;
}

/** Throws a VoidRunError if more came through than the link's rate allows, or if the lab was paused. */
export function refuseVoidRun(run: RunToJudge): void {
  const { link, statistics, elapsedSeconds, bytes, seconds } = run;
  if (run.longestGapSeconds > LONGEST_GAP_SECONDS) {
    throw new VoidRunError(
      `void run: the lab stood still for ${run.longestGapSeconds.toFixed(1)} s; run it again`,
    );
  }
  for (const { wireBytes } of [statistics.aToB, statistics.bToA]) {
    const limit = ((link.rateMbps * 1e6) / 8) * elapsedSeconds + MTU_BYTES;
    if (wireBytes > limit) throw voidRun('on the wire', mbps(wireBytes, elapsedSeconds), link.rateMbps);
  }
  // A first byte that jitter or a late emulator has held up is followed by the next ones more closely.
  const heldUp = (2 * link.jitterMs) / 1e3 + statistics.aToB.latenessMaxUs / 1e6;
  const limitMbps = goodputLimitMbps(link);
  const atSink = mbps(bytes, seconds + heldUp);
  if (!run.mayShrink && atSink > limitMbps * TOLERANCE) throw voidRun('at the sink', atSink, limitMbps);
}

function voidRun(where: string, had: number, limit: number): VoidRunError {
  return new VoidRunError(
    `void run: ${had} Mbit/s ${where}, where ${limit.toFixed(1)} is the limit of the link; run it again`,
  );
}
