import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { loadAddon } from './addon.js';
import { features } from './features.js';
import { binding } from './implementation.js';
import { patternBytes, testWhere, thrownBy, until } from './testing/support.js';
import { Conversation, TcpWorkbench } from './testing/tcp.js';
import type { TcpSocket } from './tcp-socket.js';

const bench = new TcpWorkbench();
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

afterEach(() => {
  bench.closeAll();
});

async function conversations(): Promise<{
  client: Conversation;
  server: Conversation;
  clientSocket: TcpSocket;
  serverSocket: TcpSocket;
}> {
  const { client, server } = await bench.pair();
  return {
    client: new Conversation(client),
    server: new Conversation(server),
    clientSocket: client,
    serverSocket: server,
  };
}

describe('streams', () => {
  test('a server that speaks first is heard', async () => {
    const { client, server } = await conversations();
    server.send(text('220 ready'));
    await until(() => client.bytes().toString() === '220 ready', 'the greeting');
  });

  test('a client that has finished still receives', async () => {
    const { client, server } = await conversations();
    client.send(text('question'));
    client.finish();
    await until(() => server.ended, 'the end of the question');
    expect(server.bytes().toString()).toBe('question');
    expect(client.ended).toBe(false);
    server.send(text('a long answer'));
    server.finish();
    await until(() => client.ended, 'the end of the answer');
    expect(client.bytes().toString()).toBe('a long answer');
  });

  test('a server that has finished still receives', async () => {
    const { client, server } = await conversations();
    server.send(text('all I have to say'));
    server.finish();
    await until(() => client.ended, 'the end of the speech');
    client.send(text('thank you'));
    client.finish();
    await until(() => server.ended, 'the end of the reply');
    expect(client.bytes().toString()).toBe('all I have to say');
    expect(server.bytes().toString()).toBe('thank you');
  });

  test('24 MB in both directions at once arrive unchanged, with ends that make each other wait', async () => {
    const { client, server } = await conversations();
    const up = patternBytes(24_000_000, 1);
    const down = patternBytes(24_000_001, 2);
    client.send(up);
    client.finish();
    server.send(down);
    server.finish();
    await until(() => client.ended && server.ended, 'both streams');
    expect(digest(server.bytes())).toBe(digest(up));
    expect(digest(client.bytes())).toBe(digest(down));
    expect(client.blockedWrites + server.blockedWrites).toBeGreaterThan(0);
  });

  test('bytes that nobody reads stop the writer, and are counted as unsent until read', async () => {
    const { client, server } = await bench.pair();
    const chunk = patternBytes(65_536, 3);
    let written = 0;
    for (let idle = 0; idle < 20;) {
      const taken = client.write(chunk, 0, chunk.length);
      written += taken;
      idle = taken === 0 ? idle + 1 : 0;
      await delay(1);
    }
    expect(client.unsentBytes()).toBeGreaterThan(0);
    expect(client.unsentBytes()).toBeLessThan(written);
    const reader = new Conversation(server);
    await until(() => reader.bytes().length === written, 'what was written');
    await until(() => client.unsentBytes() === 0, 'acknowledgements');
  });

  test('nothing is told that was not asked for', async () => {
    const { client, server } = await bench.pair();
    let told = 0;
    client.setEvents({ onReadable: () => told++, onWritable: () => told++, onError: () => told++ });
    server.write(text('unasked'), 0, 7);
    server.shutdownWrite();
    await delay(20);
    expect(told).toBe(0);
    client.wantRead(true);
    await until(() => told > 0, 'readiness');
    client.wantRead(false);
    const before = told;
    await delay(20);
    expect(told).toBe(before);
  });

  test('would block, end of stream and closed are told apart', async () => {
    const { client, server } = await bench.pair();
    const target = new Uint8Array(10);
    expect(client.read(target, 0, 10)).toBe(-1);
    server.write(text('abc'), 0, 3);
    server.close();
    await until(() => client.read(target, 4, 6) === 3, 'three bytes');
    expect(Buffer.from(target).toString()).toBe('\0\0\0\0abc\0\0\0');
    await until(() => client.read(target, 0, 10) === 0, 'the end');
    client.close();
    expect(thrownBy(() => client.read(target, 0, 10))?.code).toBe('EBADF');
    expect(thrownBy(() => client.write(target, 0, 10))?.code).toBe('EBADF');
    expect(client.unsentBytes()).toBe(0);
  });

  test('writing after an own FIN is EPIPE and leaves the other direction alone', async () => {
    const { client, server } = await bench.pair();
    client.shutdownWrite();
    expect(thrownBy(() => client.write(text('late'), 0, 4))?.code).toBe('EPIPE');
    const reader = new Conversation(client);
    server.write(text('still here'), 0, 10);
    server.close();
    await until(() => reader.ended, 'the end of the stream');
    expect(reader.bytes().toString()).toBe('still here');
  });

  test('a socket closed in its onReadable is not told of room to write', async () => {
    const { client, server } = await bench.pair();
    const told: string[] = [];
    client.setEvents({
      onReadable: () => {
        told.push('readable');
        client.close();
      },
      onWritable: () => told.push('writable'),
    });
    server.write(text('x'), 0, 1);
    await delay(20);
    client.wantRead(true);
    client.wantWrite(true);
    await until(() => told.length > 0, 'readiness');
    await delay(5);
    expect(told).toEqual(['readable']);
  });
});

describe('resets', () => {
  test('a reader meets ECONNRESET, and meets it again', async () => {
    const { client, serverSocket, clientSocket } = await conversations();
    serverSocket.reset();
    await until(() => client.errorCode !== undefined, 'the reset');
    expect(client.errorCode).toBe('ECONNRESET');
    expect(client.ended).toBe(false);
    expect(thrownBy(() => clientSocket.read(new Uint8Array(1), 0, 1))?.code).toBe('ECONNRESET');
  });

  test('what arrived before a reset can still be read', async () => {
    const { client, server } = await bench.pair();
    server.write(text('last words'), 0, 10);
    await until(() => server.unsentBytes() === 0, 'delivery');
    server.reset();
    await delay(10);
    const reader = new Conversation(client);
    await until(() => reader.errorCode !== undefined, 'the reset');
    expect(reader.bytes().toString()).toBe('last words');
    expect(reader.errorCode).toBe('ECONNRESET');
  });

  test('a writer that waits for room meets it', async () => {
    const { client, server } = await bench.pair();
    const writer = new Conversation(server);
    server.wantRead(false);
    writer.send(new Uint8Array(64_000_000));
    await until(() => writer.blockedWrites > 0, 'a full pipe');
    client.reset();
    await until(() => writer.errorCode !== undefined, 'the reset');
    expect(['ECONNRESET', 'EPIPE']).toContain(writer.errorCode);
  });

  test('one who neither reads nor writes is told once by onError', async () => {
    const { client, server } = await bench.pair();
    const errors: string[] = [];
    client.setEvents({
      onReadable: () => undefined,
      onWritable: () => undefined,
      onError: (errorCode) => errors.push(errorCode),
    });
    server.reset();
    await until(() => errors.length > 0, 'the reset');
    await delay(10);
    expect(errors).toEqual(['ECONNRESET']);
  });

  testWhere(features.idleResets)('so is one that has read the end of the stream', async () => {
    const { client, clientSocket, server, serverSocket } = await conversations();
    server.finish();
    await until(() => client.ended, 'the end of the stream');
    clientSocket.write(text('unread'), 0, 6);
    await until(() => clientSocket.unsentBytes() === 0, 'delivery');
    serverSocket.reset();
    await until(() => client.errorCode !== undefined, 'the reset');
    // Linux names a reset so when the stream had ended before.
    expect(client.errorCode).toBe('EPIPE');
  });

  test('a connection closed both ways neither fails nor keeps telling', async () => {
    const { client, clientSocket, server } = await conversations();
    client.finish();
    server.finish();
    await until(() => client.ended && server.ended, 'both ends');
    let told = 0;
    clientSocket.setEvents({ onReadable: () => told++, onWritable: () => told++, onError: () => told++ });
    await delay(20);
    expect(told).toBe(0);
  });

  test('close delivers what was written; closing over unread data resets', async () => {
    const { client, server } = await bench.pair();
    const reader = new Conversation(server);
    const bytes = patternBytes(100_000, 4);
    expect(client.write(bytes, 0, bytes.length)).toBe(bytes.length);
    client.close();
    await until(() => reader.ended, 'the end of the stream');
    expect(digest(reader.bytes())).toBe(digest(bytes));
    const second = await bench.pair();
    const other = new Conversation(second.server);
    second.server.write(text('never read'), 0, 10);
    await until(() => second.server.unsentBytes() === 0, 'delivery');
    second.client.close();
    await until(() => other.errorCode !== undefined, 'the reset');
    expect(other.errorCode).toBe('ECONNRESET');
  });
});

describe('connecting', () => {
  const outcomeOf = (options: Parameters<TcpWorkbench['connect']>[0]): Promise<string | undefined> =>
    new Promise((resolve) => bench.connect(options, { onConnect: resolve }));

  test('a refused connection is ECONNREFUSED, after connect has returned', async () => {
    const listener = bench.listen({});
    listener.close();
    let returned = false;
    const outcome = outcomeOf({ address: '127.0.0.1', port: listener.port }).then((errorCode) => {
      expect(returned).toBe(true);
      return errorCode;
    });
    returned = true;
    expect(await outcome).toBe('ECONNREFUSED');
  });

  test('a local address that is not ours fails in onConnect', async () => {
    expect(await outcomeOf({ address: '127.0.0.1', port: 9, localAddress: '203.0.113.7' })).toBe(
      'EADDRNOTAVAIL',
    );
  });

  test('a far end that does not answer is ETIMEDOUT after timeoutMs', async () => {
    // Never accepts: with its backlog full, the kernel drops what asks for more.
    const addon = loadAddon();
    const silent = addon.listenerOpen('127.0.0.1', 0, 1, false, false, 0, 0, 0, 0, () => undefined);
    addon.listenerPoll(silent, false);
    const port = addon.listenerPort(silent);
    await Promise.all([1, 2].map(() => outcomeOf({ address: '127.0.0.1', port })));
    expect(await outcomeOf({ address: '127.0.0.1', port, timeoutMs: 50 })).toBe('ETIMEDOUT');
    addon.listenerClose(silent);
  });

  test('the server sees the local address that was asked for, and the addresses outlive the socket', async () => {
    const { client, server } = await bench.pair({}, { localAddress: '127.0.0.9' });
    expect(server.remoteAddress).toBe('127.0.0.9');
    expect(server.remotePort).toBe(client.localPort);
    client.close();
    server.close();
    expect(server.localAddress).toBe('127.0.0.1');
    expect(server.localPort).toBe(client.remotePort);
  });

  test('IPv6', async () => {
    const { client, server } = await bench.pair({ address: '::1' });
    expect(client.localAddress).toBe('::1');
    expect(server.remoteAddress).toBe('::1');
  });

  test('what is wanted while connecting holds afterwards', async () => {
    const listener = bench.listen({}, (socket) => {
      socket.write(text('hi'), 0, 2);
    });
    let readable = false;
    const client = bench.connect(
      { address: '127.0.0.1', port: listener.port },
      { onReadable: () => (readable = true) },
    );
    client.wantRead(true);
    await until(() => readable, 'readiness');
  });

  test('a socket closed while connecting says no more', async () => {
    const listener = bench.listen({});
    let told = false;
    const client = bench.connect(
      { address: '127.0.0.1', port: listener.port, timeoutMs: 5 },
      { onConnect: () => (told = true) },
    );
    client.close();
    await delay(20);
    expect(told).toBe(false);
  });
});

describe('options', () => {
  testWhere(features.tcpTuning)(
    'congestion control is set and read back; an unknown one is an error',
    async () => {
      const { client } = await bench.pair();
      client.setCongestionControl('reno');
      expect(client.congestionControl).toBe('reno');
      expect(thrownBy(() => client.setCongestionControl('no-such'))?.code).toBe('ENOENT');
    },
  );

  testWhere(features.interception)(
    'without a redirecting firewall no other original destination is known',
    async () => {
      const { server } = await bench.pair();
      const original = server.originalDestination();
      if (original !== undefined) {
        expect(original).toEqual({ address: server.localAddress, port: server.localPort });
      }
    },
  );

  testWhere(features.tcpTuning)('buffer sizes bound what a writer can be ahead', async () => {
    const { client } = await bench.pair({ receiveBufferBytes: 32_768 });
    client.setOptions({
      sendBufferBytes: 32_768,
      noDelay: false,
      keepAliveSeconds: 30,
      userTimeoutMs: 9_000,
    });
    let ahead = 0;
    for (let idle = 0; idle < 20; await delay(1)) {
      const taken = client.write(new Uint8Array(65_536), 0, 65_536);
      ahead += taken;
      idle = taken === 0 ? idle + 1 : 0;
    }
    // The kernel doubles each and takes a message that has begun.
    expect(ahead).toBeLessThan(4 * 65_536);
  });
});

describe('arguments outside their bounds', () => {
  test('offsets and lengths are RangeErrors', async () => {
    const { client } = await bench.pair();
    const memory = new Uint8Array(10);
    const calls = [
      () => client.read(memory, 0, 11),
      () => client.read(memory, 10, 1),
      () => client.read(memory, -1, 1),
      () => client.read(memory, 0, 0),
      () => client.read(memory, 0.5, 1),
      () => client.read(memory, 0, Infinity),
      () => client.write(memory, 5, 6),
      () => client.write(memory, 0, -1),
      () => client.write(memory, NaN, 1),
      () => client.write(memory, 2 ** 40, 1),
      () => client.setOptions({ keepAliveSeconds: -1 }),
      () => client.setOptions({ userTimeoutMs: -1 }),
      () => client.setOptions({ unsentLowWaterBytes: 0 }),
      () => client.setOptions({ receiveBufferBytes: -5 }),
    ];
    expect(calls.map((call) => thrownBy(call)?.name)).toEqual(calls.map(() => 'RangeError'));
  });

  test('addresses and ports are RangeErrors, things of another kind TypeErrors', async () => {
    const events = { onReadable: () => undefined, onWritable: () => undefined };
    const connect = (address: string, port: number, rest = {}) =>
      thrownBy(() => bench.connect({ address, port, ...rest }, events))?.name;
    expect(connect('localhost', 80)).toBe('RangeError');
    expect(connect('127.0.0.1', 65_536)).toBe('RangeError');
    expect(connect('127.0.0.1', 80, { localAddress: '1.2.3' })).toBe('RangeError');
    expect(connect('127.0.0.1', 80, { mark: -1 })).toBe('RangeError');
    expect(connect('1'.repeat(100), 80)).toBe('TypeError');
    const { client } = await bench.pair();
    const wrong = new Int32Array(4) as unknown as Uint8Array;
    expect(thrownBy(() => client.read(wrong, 0, 1))?.name).toBe('TypeError');
    const timer = binding.timerOpen(() => undefined);
    expect(thrownBy(() => binding.tcpRead(timer, new Uint8Array(1), 0, 1))?.name).toBe('TypeError');
    binding.timerClose(timer);
  });
});
