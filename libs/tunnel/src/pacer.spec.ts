import { Pacer } from './pacer.js';

/** 100 Mbit/s in bytes per microsecond. */
const RATE = 12.5;
const PACKET = 1472;
/** So short that nothing beyond one late wake-up is owed. */
const MIN_RTT_US = 1000;

/** Sends while the pacer lets it; gives the bytes. */
function burst(pacer: Pacer): number {
  let bytes = 0;
  if (!pacer.mayBegin) return 0;
  while (pacer.ready) {
    pacer.spend(PACKET);
    bytes += PACKET;
  }
  return bytes;
}

describe('Pacer', () => {
  it('sends at its rate, however often it is asked', () => {
    for (const stepUs of [50, 333, 1000, 1900]) {
      const pacer = new Pacer();
      pacer.refill(0, RATE, MIN_RTT_US);
      let bytes = 0;
      for (let nowUs = 0; nowUs <= 1_000_000; nowUs += stepUs) {
        pacer.refill(nowUs, RATE, MIN_RTT_US);
        bytes += burst(pacer);
      }
      expect(bytes / 1_000_000 / RATE).toBeCloseTo(1, 2);
    }
  });

  it('lets a late wake-up send what it owes, up to 2 ms of it', () => {
    const pacer = new Pacer();
    pacer.refill(0, RATE, MIN_RTT_US);
    pacer.refill(2000, RATE, MIN_RTT_US);
    expect(burst(pacer)).toBeLessThanOrEqual(2000 * RATE + PACKET);
    pacer.refill(102_000, RATE, MIN_RTT_US);
    expect(burst(pacer)).toBeLessThanOrEqual(2000 * RATE + PACKET);
  });

  it('catches up at twice the rate with what a late wake-up left over, up to half a round trip of it', () => {
    const minRttUs = 16_000;
    const pacer = new Pacer();
    pacer.refill(0, RATE, minRttUs);
    pacer.refill(1_000_000, RATE, minRttUs);
    let bytes = 0;
    for (let elapsedUs = 0; elapsedUs <= 20_000; elapsedUs += 500) {
      pacer.refill(1_000_000 + elapsedUs, RATE, minRttUs);
      bytes += burst(pacer);
      expect(bytes).toBeLessThanOrEqual((2000 + 2 * elapsedUs) * RATE + PACKET);
      expect(bytes).toBeLessThanOrEqual((8000 + elapsedUs) * RATE + PACKET);
    }
    expect(bytes).toBeGreaterThan(27_000 * RATE);
  });

  it('tells when it was called late', () => {
    const pacer = new Pacer();
    pacer.refill(0, RATE, MIN_RTT_US);
    for (let nowUs = 1000; nowUs <= 10_000; nowUs += 1000) {
      pacer.refill(nowUs, RATE, MIN_RTT_US);
      burst(pacer);
      expect(pacer.late).toBe(false);
    }
    pacer.refill(14_000, RATE, MIN_RTT_US);
    expect(pacer.late).toBe(true);
    burst(pacer);
    pacer.refill(15_000, RATE, MIN_RTT_US);
    expect(pacer.late).toBe(false);
  });

  it('saves up no more than a millisecond while there is nothing to send', () => {
    const pacer = new Pacer();
    pacer.refill(0, RATE, MIN_RTT_US);
    pacer.refill(1_000_000, RATE, MIN_RTT_US);
    pacer.rest();
    expect(burst(pacer)).toBeLessThanOrEqual(1000 * RATE + PACKET);
  });

  it('never saves up more than 64 KB at a high rate', () => {
    const pacer = new Pacer();
    pacer.refill(0, 1250, MIN_RTT_US);
    pacer.refill(1_000_000, 1250, MIN_RTT_US);
    pacer.rest();
    expect(burst(pacer)).toBeLessThanOrEqual(65_536 + PACKET);
  });

  it('asks to be woken when a burst is worth it, and can send then', () => {
    const pacer = new Pacer();
    pacer.refill(0, RATE, MIN_RTT_US);
    burst(pacer);
    const nextUs = pacer.nextUs(0);
    expect(nextUs).toBeGreaterThan(500);
    expect(nextUs).toBeLessThanOrEqual(2000);
    pacer.refill(nextUs, RATE, MIN_RTT_US);
    expect(burst(pacer)).toBeGreaterThan(0);
  });

  it('sends whole packets on a link of 64 kbit/s', () => {
    const pacer = new Pacer();
    pacer.refill(0, 0.008, MIN_RTT_US);
    let bytes = 0;
    let nowUs = 0;
    for (let turn = 0; turn < 100; turn++) {
      nowUs = Math.max(nowUs + 1, pacer.nextUs(nowUs));
      pacer.refill(nowUs, 0.008, MIN_RTT_US);
      bytes += burst(pacer);
    }
    expect(bytes).toBeGreaterThan(50 * PACKET);
    expect(bytes / nowUs / 0.008).toBeLessThan(1.1);
  });

  it('waits for ever at no rate', () => {
    const pacer = new Pacer();
    pacer.refill(0, 0, MIN_RTT_US);
    expect(pacer.nextUs(5)).toBe(Infinity);
  });
});
