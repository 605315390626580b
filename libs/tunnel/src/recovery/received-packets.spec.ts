import { ACK_EVERY_PACKETS, REPLAY_WINDOW, YOUNG_PACKETS } from '../params.js';
import { ReceivedPackets } from './received-packets.js';

const RTT_US = 40_000;

function received(numbers: readonly number[]): ReceivedPackets {
  const packets = new ReceivedPackets();
  for (const number of numbers) packets.record(number, 1000, true, 0, RTT_US);
  return packets;
}

/** A tunnel that is not young any more. */
function grown(): ReceivedPackets {
  const packets = received(Array.from({ length: YOUNG_PACKETS }, (_, i) => i));
  packets.onAckSent();
  return packets;
}

describe('ReceivedPackets', () => {
  it('tells a replay from a packet that is late', () => {
    const packets = received([0, 1, 2, 5, 9]);
    const replays = Array.from({ length: 12 }, (_, number) => packets.isReplay(number));
    expect(replays.flatMap((replay, number) => (replay ? [number] : []))).toEqual([0, 1, 2, 5, 9]);
  });

  it('takes what is older than its window for a replay, and nothing within it', () => {
    const packets = received([3, REPLAY_WINDOW + 10]);
    expect(packets.isReplay(10)).toBe(true);
    expect(packets.isReplay(11)).toBe(false);
    packets.record(11, 1000, true, 0, RTT_US);
    expect(packets.isReplay(11)).toBe(true);
  });

  it('does not confuse numbers that are a window apart', () => {
    const packets = received([5]);
    packets.record(5 + REPLAY_WINDOW, 1000, true, 0, RTT_US);
    expect(packets.isReplay(6 + REPLAY_WINDOW - 2)).toBe(false);
    expect(packets.isReplay(5 + REPLAY_WINDOW)).toBe(true);
  });

  it('acknowledges every second packet of a young tunnel at once', () => {
    const packets = received([0]);
    expect(packets.ackDueUs).toBeGreaterThan(0);
    packets.record(1, 1000, true, 0, RTT_US);
    expect(packets.ackDueUs).toBe(0);
  });

  it('lets later ones wait for company, no longer than 2 ms', () => {
    const packets = grown();
    for (let i = 1; i < ACK_EVERY_PACKETS; i++)
      packets.record(YOUNG_PACKETS + i - 1, 1000, true, 100, RTT_US);
    expect(packets.ackDueUs).toBe(2100);
    packets.record(YOUNG_PACKETS + ACK_EVERY_PACKETS - 1, 1000, true, 150, RTT_US);
    expect(packets.ackDueUs).toBe(150);
  });

  it('reports a gap at once', () => {
    const packets = grown();
    packets.record(YOUNG_PACKETS + 1, 1000, true, 100, RTT_US);
    expect(packets.ackDueUs).toBe(100);
  });

  it('owes nothing for packets that carry acknowledgements alone', () => {
    const packets = new ReceivedPackets();
    for (let i = 0; i < 100; i++) packets.record(i, 50, false, 0, RTT_US);
    expect(packets.ackDueUs).toBe(Infinity);
  });
});
