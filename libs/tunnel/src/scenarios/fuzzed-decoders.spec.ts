import { decodeCookieReply, decodeInitiation, decodeResponse } from '../handshake/messages.js';
import { createSides, INITIATOR_ADDRESS, NOW_UNIX_MS } from '../handshake/testing.js';
import { decodeInitiationPayload, decodeResponsePayload } from '../handshake/payloads.js';
import { RangeSet } from '../memory/range-set.js';
import { CHUNK_BYTES, MAX_ACK_RANGES } from '../params.js';
import { Pair } from '../simulator/pair.js';
import { SeededRandom } from '../simulator/random.js';
import { holdingsOf } from '../simulator/holdings.js';
import { bareTransport } from '../transport/testing.js';
import {
  AckFrame,
  FrameType,
  StreamBit,
  writeAck,
  writeClose,
  writeMaxStreamData,
  writePathFrame,
  writeResetStream,
  writeStopSending,
  writeStreamHeader,
} from '../wire/frame.js';
import { Reader, writeDense, writeVarint } from '../wire/varint.js';
import { PacketType } from '../wire/packet.js';
import { linkNamed } from './links.js';
import { FUZZ_FACTOR, mutated } from './mutations.js';

/** Decoders on valid input that was mutated, for `FUZZ_FACTOR` times as many rounds. A failure repeats: all is seeded. */

const SEEDS = [1, 2];
const DATA = PacketType.data;

function written(write: (bytes: Uint8Array) => number): Uint8Array {
  const bytes = new Uint8Array(4000);
  return bytes.slice(0, write(bytes));
}

function acks(): Uint8Array[] {
  return [1, 2, 30, MAX_ACK_RANGES].map((count) => {
    const ranges = new RangeSet();
    for (let i = 0; i < count; i++) ranges.add(1000 + i * 10, 1000 + i * 10 + 1 + (i % 7));
    return written((bytes) => writeAck(bytes, 0, bytes.length, ranges, 25_000, 123_456));
  });
}

/** Every frame that there is; those of streams as the first of a peer, with an open. */
function frames(): Uint8Array[] {
  const token = Uint8Array.from({ length: 8 }, (_, i) => i);
  return [
    ...acks(),
    ...[0, 2, 4].map((id) =>
      written((bytes) => {
        const at = writeStreamHeader(bytes, 0, FrameType.stream | StreamBit.open, id, 0);
        return writeVarint(bytes, at, 7) + 7 + 900;
      }),
    ),
    written((bytes) => writeStreamHeader(bytes, 0, FrameType.stream | StreamBit.fin, 0, 900) + 400),
    written((bytes) => writeResetStream(bytes, 0, 2, 5, 907)),
    written((bytes) => writeStopSending(bytes, 0, 4, 5)),
    written((bytes) => writeMaxStreamData(bytes, 0, 4, 2 ** 33)),
    written((bytes) => writePathFrame(bytes, 0, FrameType.pathChallenge, token)),
    written((bytes) => writePathFrame(bytes, 0, FrameType.pathResponse, token)),
    written((bytes) => writeClose(bytes, 0, 1, 'over')),
  ];
}

describe.each(SEEDS)('mutated input (seed %d)', (seed) => {
  it('integers stay within their bounds, and reading never goes past the end', () => {
    const random = new SeededRandom(seed);
    const valid = [0, 63, 64, 16_383, 16_384, 2 ** 30 - 1].flatMap((value) => [
      written((bytes) => writeVarint(bytes, writeVarint(bytes, 0, value), 2 ** 53 - 1)),
      written((bytes) => writeDense(bytes, 0, value)),
    ]);
    for (let round = 0; round < 5000 * FUZZ_FACTOR; round++) {
      const bytes = mutated(valid, random);
      const reader = new Reader(bytes);
      for (let i = 0; i < 6; i++) {
        const value = i % 2 === 0 ? reader.varint() : reader.dense();
        if (Number.isSafeInteger(value) && value >= 0 && reader.at <= bytes.length) continue;
        throw new Error(`${value} was read, up to ${reader.at} of ${bytes.length} bytes`);
      }
    }
  });

  it('an acknowledgement is refused, or of a bounded number of ranges that descend', () => {
    const random = new SeededRandom(seed);
    const valid = acks();
    const ack = new AckFrame();
    let taken = 0;
    for (let round = 0; round < 3000 * FUZZ_FACTOR; round++) {
      const bytes = mutated(valid, random);
      if (!ack.read(new Reader(bytes, 1), 5000)) continue;
      taken++;
      expect(ack.count).toBeLessThanOrEqual(MAX_ACK_RANGES);
      for (let i = 0; i < ack.count; i++) {
        const [start = NaN, end = NaN] = [ack.starts[i], ack.ends[i]];
        if (!(0 <= start && start < end && (i === 0 || end < (ack.starts[i - 1] ?? NaN)))) {
          throw new Error(`range ${i} of ${ack.count} is [${start}, ${end}) behind ${ack.starts[i - 1]}`);
        }
      }
    }
    expect(taken).toBeGreaterThan(0);
  });

  it('handshake messages are refused, or decode to no more than they hold', () => {
    const random = new SeededRandom(seed);
    const { initiator, responder } = createSides({ seed });
    const initiation = initiator.createInitiation(NOW_UNIX_MS);
    const underLoad = responder.handleInitiation(initiation, INITIATOR_ADDRESS, 0, true);
    const answered = responder.handleInitiation(initiation, INITIATOR_ADDRESS, 0, false);
    if (!answered.ok || underLoad.ok || underLoad.reason !== 'cookie-required')
      throw new Error('no messages');
    const valid = [initiation, answered.response, underLoad.cookieReply];
    for (let round = 0; round < 1000 * FUZZ_FACTOR; round++) {
      const bytes = mutated(valid, random);
      for (const decoded of [decodeInitiation(bytes), decodeResponse(bytes), decodeCookieReply(bytes)]) {
        const parts = Object.values(decoded).flatMap((value: unknown) =>
          typeof value === 'object' && value !== null ? Object.values(value) : [],
        );
        const held = parts.map((part: unknown) => (part instanceof Uint8Array ? part.length : 0));
        expect(held.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(2 * bytes.length);
      }
      decodeInitiationPayload(bytes);
      decodeResponsePayload(bytes);
    }
  });

  it('frames end the tunnel with a reason or are taken, and hold memory for what arrived only', () => {
    const random = new SeededRandom(seed);
    const valid = frames();
    // Acknowledgements of what was never sent end a tunnel at once.
    const usual = valid.slice(acks().length, -3);
    for (let run = 0; run < 25 * FUZZ_FACTOR; run++) {
      const { receive, transport, shared, poll, clock } = bareTransport();
      let arrived = 0;
      for (let packet = 0; packet < 40 && transport.failure === undefined; packet++) {
        clock.nowUs += 500;
        const bytes =
          random.between(0, 9) === 0 ? mutated(valid, random) : usual[random.between(0, usual.length - 1)];
        if (bytes === undefined || bytes.length === 0) continue;
        arrived++;
        receive(bytes);
        poll();
        // A packet may leave two chunks half filled for each stream that it touches: its beginning's and its end's.
        const chunks = shared.receivePool.capacity - shared.receivePool.available;
        expect(chunks).toBeLessThanOrEqual(2 * arrived);
        expect(chunks * CHUNK_BYTES).toBeLessThanOrEqual(shared.receivePool.capacity * CHUNK_BYTES);
      }
      transport.abandon(1);
      expect(shared.receivePool.available).toBe(shared.receivePool.capacity);
      expect(shared.budget.free).toBe(shared.budget.limit);
    }
  });

  it('datagrams that do not open change nothing: not what a tunnel knows, holds or sends', () => {
    const pair = new Pair({ link: linkNamed('metro'), seed }).connect();
    const { a, b, simulation } = pair;
    const captured: Uint8Array[] = [];
    const receive = b.receive.bind(b);
    let source: Int32Array | undefined;
    b.receive = (datagram, from) => {
      // Of another kind are messages that strangers may send: see handshake/decoders.spec.ts.
      if (datagram[0] === DATA && captured.length < 200) captured.push(Uint8Array.from(datagram));
      source = Int32Array.from(from);
      receive(datagram, from);
    };
    pair.near.converse(b, { up: 150_000, down: 50_000 });
    expect(pair.finish()).toBe(true);
    simulation.runFor(2_000_000);
    expect(captured.length).toBeGreaterThan(50);
    const from = source;
    if (from === undefined) throw new Error('nothing arrived');

    const random = new SeededRandom(seed);
    const originals = new Set(captured.map((datagram) => Buffer.from(datagram).toString('latin1')));
    const state = (): string =>
      JSON.stringify([b.endpoint.stats('a'), holdingsOf(a, b), pair.near.downs, pair.far.downs]);
    for (let round = 0; round < 1000 * FUZZ_FACTOR; round++) {
      const datagram = mutated(captured, random);
      if (originals.has(Buffer.from(datagram).toString('latin1')) || datagram.length === 0) continue;
      datagram[0] = DATA;
      datagram.set((captured[0] ?? datagram).subarray(1, Math.min(5, datagram.length)), 1);
      const before = state();
      receive(datagram, from);
      expect(state()).toBe(before);
    }
    b.receive = receive;
    pair.near.converse(b, { up: 100_000, down: 100_000 });
    expect(pair.finish()).toBe(true);
    expect(holdingsOf(a, b)).toEqual([]);
  });
});
