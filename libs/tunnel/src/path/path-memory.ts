/** A rate and when it was last true. */
export interface RememberedRate {
  /** Bytes of UDP payload per second. */
  readonly bytesPerSecond: number;
  /** Milliseconds since 1970. */
  readonly observedAtMs: number;
}

/**
 * What a tunnel has learnt of its path, as plain data: whoever owns the tunnel keeps it and hands it to the next one, so that
 * this need not begin slowly (RFC 9959, "Careful Resume", whose saved parameters these are).
 */
export interface PathMemory {
  /** The peer's address without its port: another address is another path. */
  readonly address: string;
  /** Least round trip, microseconds. */
  readonly minRttUs: number;
  /** At which the path took what we sent. */
  readonly send?: RememberedRate;
  /** Highest over a round trip at which the peer's packets arrived. */
  readonly receive?: RememberedRate;
}

/** After so long nothing is taken for granted: Linux's TCP metrics cache (TCP_METRICS_TIMEOUT) forgets after an hour too. */
export const PATH_MEMORY_LIFETIME_MS = 3_600_000;

/** Bytes per microsecond; 0 where nothing is remembered, it is too old, or the clock was set back since. */
export function rateStillHeld(rate: RememberedRate | undefined, nowMs: number): number {
  if (rate === undefined) return 0;
  const ageMs = nowMs - rate.observedAtMs;
  return ageMs >= 0 && ageMs <= PATH_MEMORY_LIFETIME_MS ? rate.bytesPerSecond / 1e6 : 0;
}
