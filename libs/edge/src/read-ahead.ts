import { DOUBLE_ZERO } from '@longhaul/tunnel';

/** An edge takes at least so much ahead of a socket that does not keep up … */
const LEAST_BYTES = 262_144;
/** … or what the path delivers in so many smoothed round trips. */
const ROUND_TRIPS = 2;
/** A rate is remembered for so long, or for three round trips on a longer path. */
const MEMORY_US = 1_000_000;

/** How far a peer may run ahead of a socket that is slower than the path: a large hidden buffer would only add delay. */
export class ReadAhead {
  private readonly samples: { atUs: number; bytesPerUs: number }[] = [];
  private lastUs: number | undefined;
  private lastBytes = DOUBLE_ZERO;

  /**
   * @param receivedBytes of the tunnel since it began
   * @returns the bytes that a stream may have in flight and unread
   */
  update(nowUs: number, receivedBytes: number, smoothedRttUs: number): number {
    this.addSample(nowUs, receivedBytes);
    this.forget(nowUs - Math.max(MEMORY_US, 3 * smoothedRttUs));
    const peak = Math.max(0, ...this.samples.map((sample) => sample.bytesPerUs));
    return Math.max(LEAST_BYTES, ROUND_TRIPS * smoothedRttUs * peak);
  }

  private addSample(nowUs: number, receivedBytes: number): void {
    const elapsedUs = nowUs - (this.lastUs ?? nowUs);
    const bytes = receivedBytes - this.lastBytes;
    this.lastUs = nowUs;
    this.lastBytes = receivedBytes;
    if (elapsedUs > 0 && bytes >= 0) this.samples.push({ atUs: nowUs, bytesPerUs: bytes / elapsedUs });
  }

  private forget(beforeUs: number): void {
    while (this.samples.length > 1 && this.samples[0].atUs < beforeUs) this.samples.shift();
  }
}
