import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { descriptorLayout, features } from './features.js';
import { testWhere, thrownBy, until } from './testing/support.js';
import { UdpSocket } from './udp-socket.js';

/** Sockets of one port, and what the kernel gives to which. */

const SOCKETS = 3;
const ALL = { first: 0, count: SOCKETS };
const EVENLY = { door: 0, lower: ALL, upper: ALL };
const FIELDS = [
  { firstByte: 4, offset: 1 },
  { firstByte: 2, offset: 8 },
];
const CAPACITY = 64;

const opened: UdpSocket[] = [];
let sender: Socket | undefined;

afterEach(() => {
  for (const socket of opened.splice(0)) socket.close();
  sender?.close();
  sender = undefined;
});

/** `SOCKETS` sockets of one port; each keeps what it receives, as hexadecimal text. */
class Group {
  readonly received: string[][] = [];
  readonly port: number;

  constructor(address: string) {
    const first = this.open(address, 0);
    first.steer(EVENLY, FIELDS);
    this.port = first.port;
    while (this.received.length < SOCKETS) this.open(address, this.port);
  }

  private open(address: string, port: number): UdpSocket {
    const taken: string[] = [];
    const memory = Buffer.alloc(65_536);
    const records = new Int32Array(CAPACITY * descriptorLayout.receiveStride);
    const socket: UdpSocket = new UdpSocket({ address, port, reusePort: true }, () => {
      const count = socket.receive(memory, 0, memory.length, records, CAPACITY);
      for (let i = 0; i < count; i++) {
        const at = i * descriptorLayout.receiveStride;
        const offset = records[at + descriptorLayout.receive.offset];
        const length = records[at + descriptorLayout.receive.length];
        taken.push(memory.toString('hex', offset, offset + length));
      }
    });
    opened.push(socket);
    this.received.push(taken);
    return socket;
  }
}

async function send(port: number, datagrams: readonly Buffer[]): Promise<void> {
  sender = createSocket('udp4');
  sender.bind(0, '127.0.0.1');
  await once(sender, 'listening');
  for (const datagram of datagrams) sender.send(datagram, port, '127.0.0.1');
}

function datagram(firstByte: number, offset: number, number: number): Buffer {
  const bytes = Buffer.alloc(offset + 4 + 10);
  bytes[0] = firstByte;
  bytes.writeUInt32BE(number, offset);
  return bytes;
}

testWhere(features.steering).each(['127.0.0.1', '::'])(
  'a datagram goes to the socket that its number names, modulo their count: %s',
  async (address) => {
    const group = new Group(address);
    const numbers = [0, 1, 2, 3, 255, 65_537, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
    const wanted = Array.from({ length: SOCKETS }, (): string[] => []);
    const all = FIELDS.flatMap(({ firstByte, offset }) =>
      numbers.map((number) => ({ bytes: datagram(firstByte, offset, number), socket: number % SOCKETS })),
    );
    for (const { bytes, socket } of all) wanted[socket]?.push(bytes.toString('hex'));
    await send(
      group.port,
      all.map(({ bytes }) => bytes),
    );
    await until(() => group.received.flat().length === all.length, 'all datagrams');
    expect(group.received.map((texts) => texts.sort())).toEqual(wanted.map((texts) => texts.sort()));
  },
);

testWhere(features.steering)('all that names no socket goes to the first', async () => {
  const group = new Group('127.0.0.1');
  const unnamed = [
    datagram(1, 4, 1),
    datagram(0, 1, 2),
    datagram(255, 8, 1),
    Buffer.of(4),
    Buffer.of(4, 0, 0, 1),
    Buffer.of(2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
  ];
  await send(group.port, unnamed);
  await until(() => group.received.flat().length === unnamed.length, 'all datagrams');
  expect(group.received.map(({ length }) => length)).toEqual([unnamed.length, 0, 0]);
});

testWhere(features.steering)(
  'two groups may share a port by the top bit, and one of them may go',
  async () => {
    const group = new Group('127.0.0.1');
    const [first, , last] = opened;
    const plan = { door: 2, lower: { first: 0, count: 2 }, upper: { first: 2, count: 1 } };
    last.steer(plan, FIELDS);
    const bytes = (numbers: readonly number[]): Buffer[] => numbers.map((number) => datagram(4, 1, number));
    const initiation = Buffer.of(1, 2, 3);
    await send(group.port, [...bytes([0, 1, 2, 0x8000_0000, 0x8000_0001, 0xffff_ffff]), initiation]);
    await until(() => group.received.flat().length === 7, 'all datagrams');
    expect(group.received.map(({ length }) => length)).toEqual([2, 1, 4]);
    // The last takes the number of each that is closed.
    opened[1].close();
    first.close();
    sender?.close();
    await send(group.port, [...bytes([0, 1, 0x8000_0000, 0x8000_0001]), initiation]);
    await until(() => group.received.flat().length === 12, 'all datagrams');
    expect(group.received.map(({ length }) => length)).toEqual([2, 1, 9]);
  },
);

testWhere(features.steering)('a socket that shares nothing cannot be steered, nor one that is closed', () => {
  const alone = new UdpSocket({ address: '127.0.0.1', port: 0 }, () => undefined);
  const steer = (): void => {
    alone.steer(EVENLY, FIELDS);
  };
  expect(thrownBy(steer)?.code).toBe('EINVAL');
  alone.close();
  expect(thrownBy(steer)?.code).toBe('EBADF');
});

testWhere(features.steering)('arguments outside their bounds are RangeErrors', () => {
  const socket = new UdpSocket({ address: '127.0.0.1', port: 0, reusePort: true }, () => undefined);
  opened.push(socket);
  const field = { firstByte: 4, offset: 1 };
  const calls = [
    () => socket.steer({ ...EVENLY, door: -1 }, [field]),
    () => socket.steer({ ...EVENLY, lower: { first: 0, count: 0 } }, [field]),
    () => socket.steer({ ...EVENLY, upper: { first: 1_025, count: 1 } }, [field]),
    () => socket.steer(EVENLY, [{ ...field, firstByte: 256 }]),
    () => socket.steer(EVENLY, [{ ...field, offset: -1 }]),
    () => socket.steer(EVENLY, [{ ...field, offset: 65_536 }]),
    () =>
      socket.steer(
        EVENLY,
        Array.from({ length: 17 }, () => field),
      ),
  ];
  expect(calls.map((call) => thrownBy(call)?.name)).toEqual(calls.map(() => 'RangeError'));
});
