import { viewOf } from './bytes.js';

/** Length of an encoded timestamp, in bytes. */
export const TIMESTAMP_LENGTH = 12;

/**
 * Orders the initiations of one initiator, in the manner of WireGuard's TAI64N label (WireGuard paper,
 * section 5.1). It is no statement about time to anyone else: the two clocks need not agree.
 */
export interface InitiationTimestamp {
  /** Milliseconds since 1970, an integer from 0 to 2^53 - 1. */
  readonly unixMs: number;
  /** Tells apart the initiations of one millisecond; 0 to 2^32 - 1. */
  readonly counter: number;
}

export function isLater(a: InitiationTimestamp, b: InitiationTimestamp): boolean {
  return a.unixMs > b.unixMs || (a.unixMs === b.unixMs && a.counter > b.counter);
}

/** The timestamps of all initiations to one responder. Keep one for as long as the responder may remember them. */
export class InitiationTimestamps {
  private latest: InitiationTimestamp | undefined;

  /** The next one is later than the one before, also where the clock has stood still or was set back. */
  next(nowUnixMs: number): InitiationTimestamp {
    const now = { unixMs: Math.floor(nowUnixMs), counter: 0 };
    const { latest } = this;
    this.latest =
      latest === undefined || isLater(now, latest)
        ? now
        : { unixMs: latest.unixMs, counter: latest.counter + 1 };
    return this.latest;
  }
}

/** 8 bytes of milliseconds, 4 of counter, both big-endian. */
export function encodeTimestamp(timestamp: InitiationTimestamp): Uint8Array {
  const bytes = new Uint8Array(TIMESTAMP_LENGTH);
  const view = viewOf(bytes);
  view.setBigUint64(0, BigInt(timestamp.unixMs));
  view.setUint32(8, timestamp.counter);
  return bytes;
}

/** `undefined` where the milliseconds exceed 2^53 - 1. */
export function decodeTimestamp(bytes: Uint8Array): InitiationTimestamp | undefined {
  const view = viewOf(bytes);
  const unixMs = Number(view.getBigUint64(0));
  return Number.isSafeInteger(unixMs) ? { unixMs, counter: view.getUint32(8) } : undefined;
}

/**
 * What a responder remembers of one initiator, so that an initiation is accepted once and never again. Keep
 * one for each peer for as long as the process lives.
 */
export class InitiationHistory {
  private latest: InitiationTimestamp | undefined;

  /** Whether this timestamp is later than all that were accepted. */
  admits(timestamp: InitiationTimestamp): boolean {
    return this.latest === undefined || isLater(timestamp, this.latest);
  }

  accept(timestamp: InitiationTimestamp): void {
    this.latest = timestamp;
  }
}
