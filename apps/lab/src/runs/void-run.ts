import { type EmulatorStatistics, goodputLimitMbps, type Link, MTU_BYTES } from '@longhaul/wan-emulator';
import { mbps } from './series.js';

/** A run faster than its link can be, or through which the machine stood still: its figure is worth nothing. */
export class VoidRunError extends Error {}

/** Clocks of two processes and whole bursts at both ends of a run. */
const TOLERANCE = 1.01;

const MOST_ATTEMPTS = 3;

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

/** Makes a run again, twice at most, if it was void; `progress` is told why. Rejects with the last VoidRunError. */
export async function repeatIfVoid<T>(run: () => Promise<T>, progress: (text: string) => void): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof VoidRunError) || attempt === MOST_ATTEMPTS) throw error;
      progress(error.message);
    }
  }
}

function voidRun(where: string, had: number, limit: number): VoidRunError {
  return new VoidRunError(
    `void run: ${had} Mbit/s ${where}, where ${limit.toFixed(1)} is the limit of the link; run it again`,
  );
}
