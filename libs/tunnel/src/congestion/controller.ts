/** How a tunnel meets loss and other traffic. PROTOCOL.md says which to choose. */
export type Profile = 'fair' | 'lossy' | 'fixed';

/** What one acknowledgement taught. One object is reused for every acknowledgement. */
export interface AckSample {
  nowUs: number;
  /** Round trip of the largest packet newly acknowledged, what it and its acknowledgement waited in the hosts taken off; or -1. */
  rttUs: number;
  /** What was taken off: until the peer acknowledged, and until its acknowledgement was taken. */
  hostDelayUs: number;
  /** Bytes newly acknowledged, and newly found lost. */
  acknowledgedBytes: number;
  lostBytes: number;
  /** Bytes found lost before, which have come late: that verdict was wrong. */
  spuriousBytes: number;
  /** Bytes in flight after all that. */
  inFlight: number;
  /** All bytes delivered so far, as the peer counts them. */
  delivered: number;
  /** Delivery-rate sample (draft-cheng-iccrg-delivery-rate-estimation): bytes over microseconds; interval 0 = none. */
  sampleDelivered: number;
  sampleIntervalUs: number;
  /** `delivered` when the sampled packet left. */
  priorDelivered: number;
  /** Bytes lost between the departure of the sampled packet and now, less those that came late, and bytes in flight at its departure. */
  sampleLost: number;
  sampleInFlight: number;
  /** The sender had nothing to send for some of the sample. */
  appLimited: boolean;
}

/** What a controller believes of its path, to be remembered. */
export interface PathEstimate {
  /** Bytes per microsecond. */
  readonly bandwidth: number;
  readonly minRttUs: number;
}

/** Decides how much may be in flight, and how fast it leaves. Knows no sockets, no packets, no clock. */
export interface CongestionController {
  /** Most bytes in flight. */
  readonly congestionWindow: number;
  /** Bytes per microsecond. */
  readonly pacingRate: number;
  /** State by name, for people. */
  readonly state: string;
  /** The sender has data and is held back by the window alone. */
  onWindowLimited(): void;
  /** The sender was woken late and catches up: a queue of the next moments may be of its own making. */
  onLateSending(nowUs: number): void;
  onAck(sample: AckSample): void;
  /** Sending begins again after nothing was in flight. */
  onRestartFromIdle(nowUs: number): void;
  /** Bytes per microsecond that the path is believed to carry. */
  readonly bandwidth: number;
  /** What is worth remembering, and when it was last seen to be true; undefined before the path was filled once. */
  readonly observed: (PathEstimate & { readonly atUs: number }) | undefined;
}

/** Microseconds times this are bytes, for a rate in Mbit/s. */
export const BYTES_PER_US_PER_MBPS = 1 / 8;
