import { MAX_REPAIRS } from './repair-code.js';
import { DOUBLE_ZERO } from '../memory/double-field.js';

/** Less loss than this hardly shows in the slowest of a hundred messages. */
const LEAST_LOSS = 0.002;
/** Repair begins where it pays so many times over, and ends where it does not pay. */
const BEGIN_FACTOR = 2;
/** A block may stay incomplete so often: a tenth of the slowest of a hundred messages. */
const RESIDUAL_LOSS = 0.001;
/** Share of the pacing rate that repair may take in the long run, and how much of it may be saved up. */
const RATE_SHARE = 1 / 8;
const SAVED_US = 100_000;

/**
 * Whether repair pays, and how much of it. A repair symbol spares a block, with the probability that a packet is lost, the
 * wait for a probe timeout; it costs everything behind it the time in which it leaves. So it pays where
 *
 *     loss x probe timeout > bytes of a full packet / rate
 */
export class RepairDecision {
  on = false;
  private loss = DOUBLE_ZERO;
  private budget = DOUBLE_ZERO;
  private refilledUs = DOUBLE_ZERO;

  /** @param rate in bytes per microsecond */
  update(nowUs: number, loss: number, probeTimeoutUs: number, rate: number, packetBytes: number): void {
    this.loss = loss;
    const most = SAVED_US * rate * RATE_SHARE;
    this.budget = Math.min(most, this.budget + (nowUs - this.refilledUs) * rate * RATE_SHARE);
    this.refilledUs = nowUs;
    if (loss < LEAST_LOSS) {
      this.on = false;
      return;
    }
    const gain = (loss * probeTimeoutUs * rate) / packetBytes;
    this.on = gain > (this.on ? 1 : BEGIN_FACTOR);
  }

  /** Repair symbols of `bytes` each for a block of `sources` packets; 0 where the budget is used up. */
  symbolsFor(sources: number, bytes: number): number {
    let count = 1;
    while (count < MAX_REPAIRS && incomplete(sources, count, this.loss) > RESIDUAL_LOSS) count++;
    return Math.min(count, Math.floor(this.budget / bytes));
  }

  spend(bytes: number): void {
    this.budget -= bytes;
  }
}

/** Probability that more than `repairs` of `sources + repairs` packets are lost, each with probability `loss`. */
function incomplete(sources: number, repairs: number, loss: number): number {
  const packets = sources + repairs;
  let exactly = (1 - loss) ** packets;
  let atMost = exactly;
  for (let lost = 1; lost <= repairs; lost++) {
    exactly *= (((packets - lost + 1) / lost) * loss) / (1 - loss);
    atMost += exactly;
  }
  return 1 - atMost;
}
