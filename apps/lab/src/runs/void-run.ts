import { type EmulatorStatistics, goodputLimitMbps, type Link, MTU_BYTES } from '@longhaul/wan-emulator';
import { mbps } from './series.js';

/** A run faster than its link can be, or through which the machine stood still: its figure is worth nothing. */
export class VoidRunError extends Error {}

/** Clocks of two processes and whole bursts at both ends of a run. */
const TOLERANCE = 1.01;

/** A run that is void is made so often before it is given up. */
const ATTEMPTS = 3;

/** Makes a run again while it is void, three times at most; any other error ends it at once. */
export async function retryVoid<T>(
  run: () => Promise<T>,
  onVoid: (error: VoidRunError) => void = () => undefined,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof VoidRunError) || tries === ATTEMPTS) throw error;
      onVoid(error);
    }
  }
}

export interface RunToJudge {
  link: Link;
  statistics: EmulatorStatistics;
  /** From the reset of the statistics to their reading. */
  elapsedSeconds: number;
  /** Application bytes at the sink, and the seconds they took. */
  bytes: number;
  seconds: number;
  /** A transport that compresses may deliver more bytes than the link carries. */
  mayShrink: boolean;
}

/** Throws a VoidRunError if more came through than the link's rate allows. */
export function refuseVoidRun(run: RunToJudge): void {
  const { link, statistics, elapsedSeconds, bytes, seconds } = run;
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
