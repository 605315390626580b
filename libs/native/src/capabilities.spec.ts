import { features } from './features.js';
import { binding, fallbackNotice } from './implementation.js';
import { NativePacketCrypto } from './packet-crypto.js';
import { testWhere, thrownBy, until } from './testing/support.js';
import { TcpWorkbench } from './testing/tcp.js';
import { TcpListener } from './tcp-listener.js';
import { UdpSocket } from './udp-socket.js';

/** What an implementation lacks it says, and with what to do about it. */

const bench = new TcpWorkbench();
const nothing = (): undefined => undefined;
const memory = new Uint8Array(2_000);
const address = '127.0.0.1';
const { send: Send } = binding.descriptorLayout;

afterEach(() => {
  bench.closeAll();
});

function expectRefused(calls: (() => unknown)[]): void {
  for (const call of calls) {
    const thrown = thrownBy(call);
    expect(thrown?.code).toBe('ENOTSUP');
    expect(thrown?.message).toMatch(/^[a-z].* needs the native addon, and this process runs without it/);
  }
}

/** Sends one datagram from a socket to itself; what arrived, and what was counted. */
async function sendToSelf(change: (record: Int32Array) => void): Promise<{
  ecn: number | undefined;
  statistics: UdpSocket['statistics'];
}> {
  const socket = new UdpSocket({ address, port: 0 }, nothing);
  const record = new Int32Array(binding.descriptorLayout.sendStride);
  record.set([0, 100, 0, 0, 0, 0, 0, -1, 0, 0, (4 << 16) | socket.port, 0x7f000001]);
  change(record);
  socket.send(memory, record, 1, new NativePacketCrypto());
  const region = new Uint8Array(65_536);
  const received = new Int32Array(64 * binding.descriptorLayout.receiveStride);
  let count = 0;
  await until(() => {
    count += socket.receive(region, 0, region.length, received, 64);
    return count + socket.statistics.sendErrors > 0;
  }, 'the datagram or its refusal');
  const { statistics } = socket;
  socket.close();
  return { ecn: count > 0 ? received[binding.descriptorLayout.receive.ecn] : undefined, statistics };
}

testWhere(!features.marks)('marks are refused', () => {
  expectRefused([
    () => new UdpSocket({ address, port: 0, mark: 1 }, nothing),
    () => new TcpListener({ address, port: 0, mark: 1 }, nothing),
    () => bench.connect({ address, port: 9, mark: 1 }),
  ]);
});

testWhere(!features.interception)('transparent sockets and original destinations are refused', async () => {
  const { server } = await bench.pair();
  expectRefused([
    () => server.originalDestination(),
    () => new TcpListener({ address, port: 0, transparent: true }, nothing),
    () => bench.connect({ address, port: 9, transparent: true }),
  ]);
});

testWhere(!features.reusePort)('shared ports are refused', () => {
  expectRefused([
    () => new UdpSocket({ address, port: 0, reusePort: true }, nothing),
    () => new TcpListener({ address, port: 0, reusePort: true }, nothing),
  ]);
});

testWhere(!features.reusePort)('steering is refused', () => {
  const socket = new UdpSocket({ address, port: 0 }, nothing);
  expect(features.steering).toBe(false);
  expectRefused([
    () => {
      const two = { first: 0, count: 2 };
      socket.steer({ door: 0, lower: two, upper: two }, [{ firstByte: 4, offset: 1 }]);
    },
  ]);
  socket.close();
});

testWhere(!features.tcpTuning)('tuning of TCP is refused; what asks for the defaults is not', async () => {
  const { client } = await bench.pair();
  expectRefused([
    () => client.congestionControl,
    () => {
      client.setCongestionControl('reno');
    },
    () => {
      client.setOptions({ userTimeoutMs: 1_000 });
    },
    () => {
      client.setOptions({ unsentLowWaterBytes: 1_000 });
    },
    () => {
      client.setOptions({ sendBufferBytes: 65_536 });
    },
    () => new TcpListener({ address, port: 0, receiveBufferBytes: 65_536 }, nothing),
    () => new TcpListener({ address, port: 0, maxSegmentBytes: 8_192 }, nothing),
  ]);
  client.setOptions({ noDelay: false, keepAliveSeconds: 30 });
});

testWhere(!features.datagramMarks)('service classes and ECN bits leave as 0', async () => {
  const { ecn, statistics } = await sendToSelf((record) => {
    record[Send.tos] = 0xbb;
  });
  expect(ecn).toBe(0);
  expect(statistics).toMatchObject({ packetsSent: 1, sendErrors: 0 });
});

testWhere(!features.mtuProbes)("probes of the path's MTU do not leave", async () => {
  const { ecn, statistics } = await sendToSelf((record) => {
    record[Send.flags] = binding.descriptorLayout.sendFlagMtuProbe;
  });
  expect(ecn).toBeUndefined();
  expect(statistics).toMatchObject({ packetsSent: 0, sendErrors: 1, lastSendError: 'EMSGSIZE' });
});

testWhere(!features.zstdCompression)('compression by zstd is refused', () => {
  expectRefused([() => binding.zstdCompress(memory, 0, 1_000, memory, 1_000, 1_000, 3)]);
});

test('the fallback says what is lost, the addon nothing', () => {
  const notice = fallbackNotice();
  if (features.implementation === 'addon') {
    expect(notice).toBeUndefined();
    return;
  }
  expect(notice?.reason).toBe('LONGHAUL_NATIVE says so');
  expect(notice?.lost.join(', ')).toMatch(/^batches of packets .* interception, .* MTU/);
});
