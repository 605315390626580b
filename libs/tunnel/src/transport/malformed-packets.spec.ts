import { MAX_OPEN_PAYLOAD, MAX_PEER_STREAMS } from '../params.js';
import { SeededRandom } from '../simulator/random.js';
import {
  FrameType,
  MAX_RECOVERED,
  StreamBit,
  writeClose,
  writeMaxStreamData,
  writeRecovered,
  writeRepairHeader,
  writeResetStream,
  writeStopSending,
  writeStreamHeader,
} from '../wire/frame.js';
import { writeU32, writeVarint } from '../wire/varint.js';
import { bareTransport } from './testing.js';

/** Bytes of a frame that `write` puts down. */
function frame(write: (bytes: Uint8Array) => number): Uint8Array {
  const bytes = new Uint8Array(4000);
  return bytes.slice(0, write(bytes));
}

function stream(id: number, offset: number, length: number, bits = 0): Uint8Array {
  return frame((bytes) => writeStreamHeader(bytes, 0, FrameType.stream | bits, id, offset) + length);
}

function opening(id: number, payload: number, length = 0): Uint8Array {
  return frame((bytes) => {
    const at = writeStreamHeader(bytes, 0, FrameType.stream | StreamBit.open, id, 0);
    return writeVarint(bytes, at, payload) + payload + length;
  });
}

const OVER_CREDIT = 300_000;

describe('a peer that breaks the protocol is found out, and nothing throws:', () => {
  it.each([
    { what: 'a frame of an unknown type', packet: Uint8Array.of(0x55), reason: 'frame type 85 is unknown' },
    {
      what: 'a frame that is cut short',
      packet: Uint8Array.of(FrameType.stream, 0, 1),
      reason: 'a frame is cut short',
    },
    {
      what: 'bytes beyond its credit',
      packet: stream(0, OVER_CREDIT, 10),
      reason: 'stream 0: flow-control-violation',
    },
    {
      what: 'a stream of ours that we never opened',
      packet: stream(1, 0, 10),
      reason: 'stream 1 was never opened',
    },
    {
      what: 'more streams than it may open',
      packet: stream(2 * MAX_PEER_STREAMS, 0, 1),
      reason: `the peer opens more than ${MAX_PEER_STREAMS} streams`,
    },
    {
      what: 'an open that is too long',
      packet: opening(0, MAX_OPEN_PAYLOAD + 1),
      reason: 'an open payload is too long',
    },
    {
      what: 'an acknowledgement of what was never sent',
      packet: frame((bytes) => {
        bytes[0] = FrameType.ack;
        return writeVarint(
          bytes,
          writeVarint(bytes, writeVarint(bytes, writeVarint(bytes, writeU32(bytes, 1, 9), 0), 0), 1),
          0,
        );
      }),
      reason: 'an ACK of a packet that was never sent',
    },
    {
      what: 'a repair symbol of no block',
      packet: frame((bytes) => writeRepairHeader(bytes, 0, 0, 0, 0) + 20),
      reason: 'a malformed REPAIR',
    },
    {
      what: 'a repair symbol of too large a block',
      packet: frame((bytes) => writeRepairHeader(bytes, 0, 0, 0x1ffff, 0) + 20),
      reason: 'a malformed REPAIR',
    },
    {
      what: 'a repair symbol without a symbol',
      packet: frame((bytes) => writeRepairHeader(bytes, 0, 0, 1, 0)),
      reason: 'a malformed REPAIR',
    },
    {
      what: 'a recovery of what was never sent',
      packet: frame((bytes) => writeRecovered(bytes, 0, [9])),
      reason: 'a RECOVERED of a packet that was never sent',
    },
    {
      what: 'more recoveries than one frame may name',
      packet: frame((bytes) => writeRecovered(bytes, 0, new Array<number>(MAX_RECOVERED + 1).fill(0))),
      reason: 'a malformed RECOVERED',
    },
    {
      what: 'an acknowledgement of nothing',
      packet: Uint8Array.of(FrameType.ack, 0, 0, 0, 0, 0, 0, 0),
      reason: 'a malformed ACK',
    },
    {
      what: 'a goodbye with bytes that are no text',
      packet: frame((bytes) => writeClose(bytes, 0, 3, 'x\u0007y')),
      reason: 'the peer said goodbye: x?y',
    },
  ])('$what', ({ packet, reason }) => {
    const { receive, transport } = bareTransport();
    expect(receive(packet)).toBe(false);
    expect(transport.failure).toBe(reason);
  });

  it('two ends of one stream that differ', () => {
    const { receive, transport } = bareTransport();
    expect(receive(stream(0, 0, 10, StreamBit.fin))).toBe(true);
    expect(receive(stream(0, 0, 11, StreamBit.fin))).toBe(false);
    expect(transport.failure).toBe('stream 0: final-size-violation');
  });

  it('bytes behind the end of a stream', () => {
    const { receive, transport } = bareTransport();
    receive(stream(0, 0, 10, StreamBit.fin));
    expect(receive(stream(0, 5, 10))).toBe(false);
    expect(transport.failure).toBe('stream 0: final-size-violation');
  });

  it('an end before bytes that have arrived', () => {
    const { receive, transport } = bareTransport();
    receive(stream(0, 100, 10));
    expect(receive(stream(0, 0, 10, StreamBit.fin))).toBe(false);
    expect(transport.failure).toBe('stream 0: final-size-violation');
  });
});

describe('a direction that we have stopped is held to the same rules:', () => {
  it.each([
    { what: 'its credit', packets: [stream(1, OVER_CREDIT, 10)], rule: 'flow-control' },
    {
      what: 'its end',
      packets: [stream(1, 0, 10, StreamBit.fin), stream(1, 0, 11, StreamBit.fin)],
      rule: 'final-size',
    },
    {
      what: 'what was sent',
      packets: [stream(1, 100, 10), stream(1, 0, 10, StreamBit.fin)],
      rule: 'final-size',
    },
  ])('$what', ({ packets, rule }) => {
    const { receive, transport, shared } = bareTransport();
    const stopped = transport.openStream(new Uint8Array(3), 'bulk', 1);
    stopped.stopSending(5);
    const accepted = packets.map((packet) => receive(packet));
    expect(accepted.at(-1)).toBe(false);
    expect(transport.failure).toBe(`stream 1: ${rule}-violation`);
    expect(shared.receivePool.available).toBe(shared.receivePool.capacity);
  });
});

describe('frames that are late are no breach:', () => {
  it.each([
    { what: 'bytes', packet: stream(0, 0, 10) },
    { what: 'a reset', packet: frame((bytes) => writeResetStream(bytes, 0, 0, 5, 0)) },
    { what: 'a request to stop', packet: frame((bytes) => writeStopSending(bytes, 0, 0, 5)) },
    { what: 'credit', packet: frame((bytes) => writeMaxStreamData(bytes, 0, 0, 2 ** 40)) },
  ])('$what of a stream that is over', ({ packet }) => {
    const { receive, transport, events } = bareTransport();
    receive(opening(0, 3));
    receive(frame((bytes) => writeResetStream(bytes, 0, 0, 5, 0)));
    transport.abandon(1);
    const before = events.length;
    expect(receive(packet)).toBe(true);
    expect(events.slice(before)).toEqual(['0 closed']);
  });

  it('bytes of a direction that was reset, whatever they are', () => {
    const { receive, events } = bareTransport();
    receive(opening(0, 3));
    receive(frame((bytes) => writeResetStream(bytes, 0, 0, 5, 0)));
    expect(receive(stream(0, OVER_CREDIT, 10, StreamBit.fin))).toBe(true);
    expect(events).toEqual(['0 opened with 3', '0 reset 5']);
  });

  it('the open of a stream that its opener has reset meanwhile', () => {
    const { receive, events } = bareTransport();
    receive(frame((bytes) => writeResetStream(bytes, 0, 0, 5, 0)));
    expect(receive(opening(0, 3, 10))).toBe(true);
    expect(events).toEqual([]);
  });

  it('an open that comes twice, or after its bytes', () => {
    const { receive, events } = bareTransport();
    receive(stream(0, 10, 10));
    receive(opening(0, 3, 10));
    receive(opening(0, 3, 10));
    expect(events).toEqual(['0 opened with 3', '0 read 20']);
  });
});

it.each([0, 24, 2 ** 32, 2 ** 53 - 1])(
  'any code of a reset and of a request to stop is told to the owner: %d',
  (code) => {
    const { receive, events } = bareTransport();
    receive(opening(0, 3));
    receive(frame((bytes) => writeStopSending(bytes, 0, 0, code)));
    expect(receive(frame((bytes) => writeResetStream(bytes, 0, 0, code, 0)))).toBe(true);
    expect(events).toEqual(['0 opened with 3', `0 stopped ${code}`, `0 reset ${code}`]);
  },
);

describe('packets of random bytes', () => {
  it('never throw, and hold memory that is given back', () => {
    const random = new SeededRandom(7);
    let refused = 0;
    for (let run = 0; run < 100; run++) {
      const { receive, transport, shared, poll, clock } = bareTransport();
      for (let packet = 0; packet < 50 && transport.failure === undefined; packet++) {
        clock.nowUs += 1000;
        receive(plausible(random));
        poll();
      }
      if (transport.failure !== undefined) refused++;
      transport.abandon(1);
      expect(shared.receivePool.available).toBe(shared.receivePool.capacity);
      expect(shared.budget.free).toBe(shared.budget.limit);
    }
    expect(refused).toBeGreaterThan(80);
  });
});

/** Frames with numbers that are often near the truth. */
function plausible(random: SeededRandom): Uint8Array {
  const id = random.between(0, 5);
  const offset = random.between(0, 100_000);
  switch (random.between(0, 6)) {
    case 0:
      return random.bytes(random.between(1, 60));
    case 1:
      return frame((bytes) => writeResetStream(bytes, 0, 2 * id, 1, 0));
    case 2:
      return frame((bytes) => writeStopSending(bytes, 0, 2 * id, 1));
    case 3:
      return frame((bytes) => writeMaxStreamData(bytes, 0, 2 * id, random.between(0, 2 ** 30)));
    case 4:
      return opening(2 * id, random.between(0, 20), random.between(0, 100));
    default:
      return stream(2 * id, offset, random.between(0, 1400), random.between(0, 20) === 0 ? StreamBit.fin : 0);
  }
}
