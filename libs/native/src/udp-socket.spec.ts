import { descriptorLayout, features } from './features.js';
import { NativePacketCrypto } from './packet-crypto.js';
import { patternBytes, testWhere, thrownBy, until } from './testing/support.js';
import { UdpSocket, type UdpSocketOptions } from './udp-socket.js';

const { receive: Receive, send: Send, receiveStride, sendStride, sendFlagMtuProbe } = descriptorLayout;
const REGION_BYTES = 1 << 20;
const CAPACITY = 1_024;
const LOOPBACK_4 = [0x7f000001, 0, 0, 0];
const LOOPBACK_6 = [0, 0, 0, 1];

interface Datagram {
  bytes: Buffer;
  family: number;
  port: number;
  address: number[];
  ecn: number;
}

/** A socket that keeps what it receives. */
class Receiver {
  readonly datagrams: Datagram[] = [];
  readonly socket: UdpSocket;
  private readonly memory = new Uint8Array(REGION_BYTES + 4_096);
  private readonly descriptors = new Int32Array(CAPACITY * receiveStride);

  constructor(
    options: Partial<UdpSocketOptions>,
    readonly capacity = CAPACITY,
    readonly regionBytes = REGION_BYTES,
    private readonly paused = false,
  ) {
    this.socket = new UdpSocket({ address: '127.0.0.1', port: 0, ...options }, () => {
      if (!this.paused) this.receive();
    });
    opened.push(this.socket);
  }

  receive(): number {
    const count = this.socket.receive(this.memory, 4_096, this.regionBytes, this.descriptors, this.capacity);
    for (let i = 0; i < count; i++) this.datagrams.push(this.datagramAt(i * receiveStride));
    return count;
  }

  bytes(): Buffer[] {
    return this.datagrams.map((datagram) => datagram.bytes);
  }

  private datagramAt(at: number): Datagram {
    const field = (index: number): number => this.descriptors[at + index];
    const offset = field(Receive.offset);
    expect(offset).toBeGreaterThanOrEqual(4_096);
    expect(offset + field(Receive.length)).toBeLessThanOrEqual(4_096 + this.regionBytes);
    return {
      bytes: Buffer.from(this.memory.slice(offset, offset + field(Receive.length))),
      family: field(Receive.familyPort) >> 16,
      port: field(Receive.familyPort) & 0xffff,
      address: [0, 1, 2, 3].map((word) => field(Receive.address + word) >>> 0),
      ecn: field(Receive.ecn),
    };
  }
}

interface Packet {
  bytes: Uint8Array;
  to: { family: 4 | 6; address: number[]; port: number };
  tos?: number;
  probe?: boolean;
}

const opened: { close(): void }[] = [];
const crypto = new NativePacketCrypto();

afterEach(() => {
  for (const socket of opened.splice(0)) socket.close();
});

function sender(options: Partial<UdpSocketOptions> = {}): UdpSocket {
  const socket = new UdpSocket({ address: '127.0.0.1', port: 0, ...options }, () => undefined);
  opened.push(socket);
  return socket;
}

/** Records of unsealed packets: all bytes are header. */
function recordsOf(packets: Packet[]): { memory: Uint8Array; descriptors: Int32Array } {
  const memory = Buffer.concat(packets.map((packet) => packet.bytes));
  const descriptors = new Int32Array(packets.length * sendStride);
  let offset = 0;
  packets.forEach((packet, index) => {
    const record = descriptors.subarray(index * sendStride, (index + 1) * sendStride);
    record[Send.headerOffset] = offset;
    record[Send.headerLength] = packet.bytes.length;
    record[Send.keyId] = -1;
    record[Send.familyPort] = (packet.to.family << 16) | packet.to.port;
    record.set(packet.to.address, Send.address);
    record[Send.flags] = packet.probe === true ? sendFlagMtuProbe : 0;
    record[Send.tos] = packet.tos ?? 0;
    offset += packet.bytes.length;
  });
  return { memory, descriptors };
}

function send(socket: UdpSocket, packets: Packet[]): void {
  const { memory, descriptors } = recordsOf(packets);
  socket.send(memory, descriptors, packets.length, crypto);
}

function packetsTo(port: number, lengths: number[], to: Partial<Packet['to']> = {}): Packet[] {
  return lengths.map((length, index) => ({
    bytes: patternBytes(length, index + 1),
    to: { family: 4, address: LOOPBACK_4, port, ...to },
  }));
}

function expectSame(received: Buffer[], packets: Packet[]): void {
  expect(received.map((bytes) => bytes.length)).toEqual(packets.map((packet) => packet.bytes.length));
  received.forEach((bytes, index) => {
    expect(bytes.equals(packets[index].bytes)).toBe(true);
  });
}

describe.each([
  { name: 'IPv4 to IPv4', from: '127.0.0.1', to: '127.0.0.1', family: 4 as const },
  { name: 'IPv6 to IPv6', from: '::1', to: '::1', family: 6 as const },
  { name: 'IPv4 to dual stack', from: '127.0.0.1', to: '::', family: 4 as const },
  { name: 'dual stack to IPv4', from: '::', to: '127.0.0.1', family: 4 as const },
  { name: 'dual stack to IPv6', from: '::', to: '::1', family: 6 as const },
  { name: 'dual stack to itself by IPv4', from: '::', to: '::', family: 4 as const },
])('$name', ({ from, to, family }) => {
  const address = family === 4 ? LOOPBACK_4 : LOOPBACK_6;

  test.each([
    { gso: true, gro: true },
    { gso: true, gro: false },
    { gso: false, gro: true },
    { gso: false, gro: false },
  ])('runs of equal packets, gso $gso, gro $gro', async (offload) => {
    const receiver = new Receiver({ address: to, ...offload });
    const socket = sender({ address: from, ...offload });
    const lengths = [...new Array<number>(150).fill(1_200), 700, ...new Array<number>(20).fill(1_400), 1_399];
    const packets = packetsTo(receiver.socket.port, lengths, { family, address });
    send(socket, packets);
    await until(() => receiver.datagrams.length === packets.length, 'all datagrams');
    expectSame(receiver.bytes(), packets);
    for (const datagram of receiver.datagrams) {
      expect(datagram).toMatchObject({ family, address, port: socket.port });
    }
    expect(socket.statistics).toMatchObject({ packetsSent: packets.length, sendErrors: 0 });
    expect(receiver.socket.statistics).toMatchObject({ packetsReceived: packets.length, receiveDrops: 0 });
  });

  testWhere(features.datagramMarks)('service class and ECN bits arrive', async () => {
    const receiver = new Receiver({ address: to });
    const marked = [0, 1, 2, 3].map((ecn) => ({
      ...packetsTo(receiver.socket.port, [100], { family, address })[0],
      tos: ecn === 0 ? 0 : 0xb8 | ecn,
    }));
    send(sender({ address: from }), marked);
    await until(() => receiver.datagrams.length === 4, 'all datagrams');
    expect(receiver.datagrams.map((datagram) => datagram.ecn)).toEqual([0, 1, 2, 3]);
  });
});

describe('batches', () => {
  testWhere(features.gso && features.gro)('a run costs the kernel few calls', async () => {
    const receiver = new Receiver({});
    const socket = sender();
    send(socket, packetsTo(receiver.socket.port, new Array<number>(256).fill(1_200)));
    await until(() => receiver.datagrams.length === 256, 'all datagrams');
    expect(socket.statistics.sendCalls).toBeLessThanOrEqual(6);
    expect(receiver.socket.statistics.receiveCalls).toBeLessThanOrEqual(16);
  });

  test('destinations, sizes, classes and probes that alternate keep every packet whole and in order', async () => {
    const one = new Receiver({});
    const other = new Receiver({ address: '::1' });
    const packets: Packet[] = [];
    for (let i = 0; i < 300; i++) {
      const toOne = i % 7 < 4;
      packets.push({
        bytes: patternBytes([1_200, 1_200, 1_200, 300, 1_300, 1][i % 6], i + 1),
        to: toOne
          ? { family: 4, address: LOOPBACK_4, port: one.socket.port }
          : { family: 6, address: LOOPBACK_6, port: other.socket.port },
        tos: i % 50 === 0 ? 0x28 : 0,
        probe: features.mtuProbes && i % 40 === 3,
      });
    }
    const socket = sender({ address: '::' });
    send(socket, packets);
    await until(() => one.datagrams.length + other.datagrams.length === 300, 'all datagrams');
    expectSame(
      one.bytes(),
      packets.filter((packet) => packet.to.family === 4),
    );
    expectSame(
      other.bytes(),
      packets.filter((packet) => packet.to.family === 6),
    );
    expect(socket.statistics).toMatchObject({ packetsSent: 300, sendErrors: 0 });
  });

  test('packets sealed on the way out open on the way in', async () => {
    const key = patternBytes(16, 1);
    const iv = patternBytes(12, 2);
    const memory = patternBytes(200_000, 3);
    const id = crypto.addKey('aes-128-gcm', key, iv);
    const receiver = new UdpSocket({ address: '::1', port: 0 }, () => undefined);
    const socket = sender({ address: '::1' });
    opened.push(receiver);
    const descriptors = new Int32Array(100 * sendStride);
    for (let i = 0; i < 100; i++) {
      const record = descriptors.subarray(i * sendStride, (i + 1) * sendStride);
      record.set([i * 9, 9, 4, 1_000 + i * 1_300, 1_300, 150_000, i === 99 ? 0 : 50, id, i, 0]);
      record.set([(6 << 16) | receiver.port, ...LOOPBACK_6], Send.familyPort);
    }
    socket.send(memory, descriptors, 100, crypto);
    const region = new Uint8Array(REGION_BYTES);
    const received = new Int32Array(CAPACITY * receiveStride);
    let seen = 0;
    await until(() => {
      const count = receiver.receive(region, 0, REGION_BYTES, received, CAPACITY);
      for (let i = 0; i < count; i++) {
        const record = received.subarray(i * receiveStride, (i + 1) * receiveStride);
        record[Receive.headerLength] = 9;
        record[Receive.keyId] = id;
        record[Receive.packetNumberLow] = seen + i;
        record[Receive.packetNumberHigh] = 0;
      }
      crypto.open(region, received, count);
      for (let i = 0; i < count; i++, seen++) {
        const record = received.subarray(i * receiveStride, (i + 1) * receiveStride);
        expect(record[Receive.result]).toBe(seen === 99 ? 1_304 : 1_354);
        const text = record[Receive.offset] + 9 + 4;
        const piece1 = memory.subarray(1_000 + seen * 1_300, 1_000 + seen * 1_300 + 1_300);
        expect(Buffer.from(region.subarray(text, text + 1_300)).equals(piece1)).toBe(true);
      }
      return seen === 100;
    }, 'all packets');
  });

  test('with little room, several calls of receive bring everything', async () => {
    const receiver = new Receiver({}, 64, 65_536);
    const packets = packetsTo(receiver.socket.port, new Array<number>(400).fill(1_000));
    send(sender(), packets);
    await until(() => receiver.datagrams.length === 400, 'all datagrams');
    expectSame(receiver.bytes(), packets);
    expect(receiver.socket.statistics.receiveDrops).toBe(0);
  });

  test('single datagrams of many sizes are moved together, so that one call of receive brings more than its slots', async () => {
    const receiver = new Receiver({ gro: false }, 400, 4 * 65_536, true);
    const lengths = Array.from({ length: 200 }, (_, index) => 40 + ((index * 37) % 900));
    const packets = packetsTo(receiver.socket.port, lengths);
    send(sender({ gso: false }), packets);
    await until(() => receiver.receive() >= 0 && receiver.datagrams.length === 200, 'all datagrams');
    expectSame(receiver.bytes(), packets);
    expect(receiver.socket.statistics.packetsReceived).toBe(200);
  });

  test('the largest datagrams pass, one byte more is a RangeError', async () => {
    const receiver = new Receiver({});
    const socket = sender();
    const packets = packetsTo(receiver.socket.port, [65_487, 65_487, 10]);
    send(socket, packets);
    await until(() => receiver.datagrams.length === 3, 'all datagrams');
    expectSame(receiver.bytes(), packets);
    expect(thrownBy(() => send(socket, packetsTo(receiver.socket.port, [65_488])))?.name).toBe('RangeError');
  });
});

describe('what the kernel refuses', () => {
  test('is dropped and counted, and holds up nothing', async () => {
    const receiver = new Receiver({});
    const socket = sender();
    const good = packetsTo(receiver.socket.port, [500, 500, 500]);
    const otherFamily = packetsTo(receiver.socket.port, [500], { family: 6, address: LOOPBACK_6 });
    const broadcast = packetsTo(receiver.socket.port, [500, 500], { address: [0xffffffff, 0, 0, 0] });
    send(socket, [good[0], ...otherFamily, good[1], ...broadcast, good[2]]);
    await until(() => receiver.datagrams.length === 3, 'the good datagrams');
    expectSame(receiver.bytes(), good);
    expect(socket.statistics).toMatchObject({ packetsSent: 3, sendErrors: 3, lastSendError: 'EACCES' });
  });

  test('a port where nobody listens disturbs neither sending nor receiving', async () => {
    const gone = new Receiver({});
    const receiver = new Receiver({});
    gone.socket.close();
    const socket = new Receiver({});
    for (let i = 0; i < 20; i++) send(socket.socket, packetsTo(gone.socket.port, [100]));
    send(socket.socket, packetsTo(receiver.socket.port, [100]));
    send(receiver.socket, packetsTo(socket.socket.port, [100]));
    await until(() => receiver.datagrams.length + socket.datagrams.length === 2, 'both datagrams');
  });

  test('records before a wrong one are sent', async () => {
    const receiver = new Receiver({});
    const socket = sender();
    const packets = packetsTo(receiver.socket.port, [200, 200, 200]);
    const { memory, descriptors } = recordsOf(packets);
    descriptors[2 * sendStride + Send.keyId] = 77;
    expect(thrownBy(() => socket.send(memory, descriptors, 3, crypto))?.name).toBe('RangeError');
    send(socket, packets.slice(2));
    await until(() => receiver.datagrams.length === 3, 'all datagrams');
    expectSame(receiver.bytes(), packets);
  });
});

describe('sockets', () => {
  test('an address in use is EADDRINUSE', () => {
    const { port } = sender();
    expect(thrownBy(() => sender({ port }))?.code).toBe('EADDRINUSE');
  });

  testWhere(features.reusePort)('sockets may share an address', () => {
    const shared = sender({ reusePort: true });
    expect(sender({ port: shared.port, reusePort: true }).port).toBe(shared.port);
  });

  test('closed, they neither send nor receive, and the port is free at once', () => {
    const socket = sender();
    socket.close();
    socket.close();
    expect(sender({ port: socket.port }).port).toBe(socket.port);
    send(socket, packetsTo(9, [100]));
    expect(socket.receive(new Uint8Array(65_536), 0, 65_536, new Int32Array(64 * receiveStride), 64)).toBe(0);
    expect(socket.statistics).toMatchObject({ packetsSent: 0, sendErrors: 0 });
  });

  test('arguments outside their bounds are RangeErrors', () => {
    const socket = sender();
    const memory = new Uint8Array(70_000);
    const descriptors = new Int32Array(64 * receiveStride);
    const { memory: packet, descriptors: records } = recordsOf(packetsTo(9, [100]));
    const withField = (field: number, value: number): Int32Array => {
      const changed = records.slice();
      changed[field] = value;
      return changed;
    };
    const calls = [
      () => sender({ address: 'localhost' }),
      () => sender({ port: 65_536 }),
      () => sender({ mark: -1 }),
      () => sender({ receiveBufferBytes: -1 }),
      () => sender({ sendBufferBytes: 2 ** 31 }),
      () => socket.receive(memory, 0, 65_535, descriptors, 64),
      () => socket.receive(memory, 0, 70_001, descriptors, 64),
      () => socket.receive(memory, 4_465, 65_536, descriptors, 64),
      () => socket.receive(memory, -1, 65_536, descriptors, 64),
      () => socket.receive(memory, 0, 65_536, descriptors, 65),
      () => socket.receive(memory, 0, 65_536, descriptors, 63),
      () => socket.send(packet, records, 2, crypto),
      () => socket.send(packet, records, -1, crypto),
      () => socket.send(packet, withField(Send.headerOffset, 1), 1, crypto),
      () => socket.send(packet, withField(Send.headerLength, 101), 1, crypto),
      () => socket.send(packet, withField(Send.piece1Length, -1), 1, crypto),
      () => socket.send(packet, withField(Send.piece2Offset, 2_000_000), 1, crypto),
    ];
    expect(calls.map((call) => thrownBy(call)?.name)).toEqual(calls.map(() => 'RangeError'));
    expect(socket.statistics.packetsSent).toBe(0);
    const other = { handle: {} } as unknown as NativePacketCrypto;
    expect(thrownBy(() => socket.send(packet, records, 1, other))?.name).toBe('TypeError');
  });
});
