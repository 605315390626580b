import type { AckSample } from '../controller.js';
import { FullPipeDetector } from './full-pipe.js';
import { MinRttFilter } from './probe-rtt.js';
import { QueueDelay } from './queue-delay.js';
import { RoundCounter } from './round.js';
import { MaxFilter } from './windowed-filter.js';

function sample(change: Partial<AckSample>): AckSample {
  return {
    nowUs: 0,
    rttUs: -1,
    hostDelayUs: 0,
    acknowledgedBytes: 0,
    lostBytes: 0,
    spuriousBytes: 0,
    inFlight: 0,
    delivered: 0,
    sampleDelivered: 0,
    sampleIntervalUs: 0,
    priorDelivered: 0,
    sampleLost: 0,
    sampleInFlight: 0,
    appLimited: false,
    ...change,
  };
}

describe('MaxFilter', () => {
  it('remembers the maximum for as many cycles as it is long', () => {
    const filter = new MaxFilter(2);
    filter.update(5);
    filter.update(9);
    filter.update(7);
    filter.advance();
    filter.update(3);
    expect(filter.value).toBe(9);
    filter.advance();
    expect(filter.value).toBe(3);
    filter.advance();
    expect(filter.value).toBe(0);
  });
});

describe('RoundCounter', () => {
  it('takes back what was held for lost and came late', () => {
    const round = new RoundCounter();
    round.update(sample({ delivered: 1000, sampleDelivered: 1000, acknowledgedBytes: 1000 }));
    round.update(sample({ delivered: 1500, sampleDelivered: 500, acknowledgedBytes: 500, lostBytes: 500 }));
    round.update(sample({ delivered: 2000, spuriousBytes: 500 }));
    round.update(
      sample({ delivered: 2900, sampleDelivered: 900, priorDelivered: 2000, acknowledgedBytes: 900 }),
    );
    expect([round.started, round.lastLossRate]).toEqual([true, 0]);
  });

  it('begins a round when a packet is acknowledged that left after the last round began', () => {
    const round = new RoundCounter();
    round.update(sample({ delivered: 1000, sampleDelivered: 1000, priorDelivered: 0 }));
    expect([round.started, round.count]).toEqual([true, 1]);
    round.update(sample({ delivered: 2000, sampleDelivered: 2000, priorDelivered: 0 }));
    expect([round.started, round.count]).toEqual([false, 1]);
    round.update(sample({ delivered: 3000, sampleDelivered: 2000, priorDelivered: 1000 }));
    expect([round.started, round.count]).toEqual([true, 2]);
  });

  it('knows what share of a round was lost', () => {
    const round = new RoundCounter();
    round.update(sample({ delivered: 1000, sampleDelivered: 1000 }));
    round.update(sample({ delivered: 1900, sampleDelivered: 900, acknowledgedBytes: 900, lostBytes: 100 }));
    round.update(sample({ delivered: 1901, sampleDelivered: 1, priorDelivered: 1000, acknowledgedBytes: 0 }));
    expect(round.lastLossRate).toBeCloseTo(0.1);
  });
});

describe('FullPipeDetector', () => {
  it('needs three rounds in which the rate grows by less than a quarter', () => {
    const pipe = new FullPipeDetector();
    for (const rate of [10, 20, 40, 45, 45]) pipe.update(sample({}), rate, true);
    expect(pipe.reached).toBe(false);
    pipe.update(sample({}), 46, true);
    expect(pipe.reached).toBe(true);
  });

  it('does not count rounds in which the sender had too little to send', () => {
    const pipe = new FullPipeDetector();
    for (let i = 0; i < 10; i++) pipe.update(sample({ appLimited: true }), 10, true);
    expect(pipe.reached).toBe(false);
  });
});

describe('MinRttFilter', () => {
  it('wants a probe when the minimum was not seen for five seconds', () => {
    const filter = new MinRttFilter();
    filter.update(sample({ rttUs: 10_000, nowUs: 0 }), 0);
    filter.update(sample({ rttUs: 15_000, nowUs: 4_000_000 }), 0);
    expect([filter.probeDue(4_900_000), filter.probeDue(5_100_000)]).toEqual([false, true]);
  });

  it('takes a sample near the minimum for the minimum seen again', () => {
    const filter = new MinRttFilter();
    filter.update(sample({ rttUs: 10_000, nowUs: 0 }), 0);
    filter.update(sample({ rttUs: 10_500, nowUs: 4_000_000 }), 0);
    expect(filter.probeDue(5_100_000)).toBe(false);
  });

  it('believes a minimum for ten seconds', () => {
    const filter = new MinRttFilter();
    filter.update(sample({ rttUs: 10_000, nowUs: 0 }), 0);
    filter.update(sample({ rttUs: 30_000, nowUs: 10_100_000 }), 0);
    expect(filter.minUs).toBe(30_000);
  });
});

describe('QueueDelay', () => {
  /** Round trips at intervals of a tenth of the least, ten to a round. */
  function after(rtts: readonly number[]): QueueDelay {
    const delay = new QueueDelay();
    rtts.forEach((rttUs, i) => delay.update(sample({ rttUs, nowUs: i * 2000 }), 20_000, i % 10 === 0));
    return delay;
  }

  it('sees a queue within two round trips, were they as thinly sampled as ten times each', () => {
    const quiet = new Array<number>(100).fill(20_000);
    expect(after(quiet).stands(20_000)).toBe(false);
    const queue = after([...quiet, ...new Array<number>(18).fill(28_000)]);
    expect([queue.stands(20_000), queue.builds(20_000)]).toEqual([true, true]);
  });

  it('is not misled by single packets that are late', () => {
    const rtts = Array.from({ length: 100 }, (_, i) => (i % 3 === 0 ? 20_000 : 40_000));
    expect(after(rtts).stands(20_000)).toBe(false);
  });

  it('takes delay that wanders from round to round for what it is', () => {
    const rtts = Array.from({ length: 400 }, (_, i) => 20_000 + (Math.floor(i / 10) % 2) * 6000);
    const delay = after(rtts);
    expect(delay.wanderUs).toBeGreaterThan(4000);
    expect(delay.builds(20_000)).toBe(false);
  });
});
