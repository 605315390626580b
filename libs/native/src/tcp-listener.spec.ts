import { setTimeout as delay } from 'node:timers/promises';
import { features } from './features.js';
import { testWhere, thrownBy, until } from './testing/support.js';
import { TcpWorkbench } from './testing/tcp.js';

const bench = new TcpWorkbench();

afterEach(() => {
  bench.closeAll();
});

test('an address can be listened on again at once, with its connections still open', async () => {
  const accepted: number[] = [];
  const first = bench.listen({}, (socket) => accepted.push(socket.remotePort));
  const client = bench.connect({ address: '127.0.0.1', port: first.port });
  await until(() => accepted.length === 1, 'a connection');
  first.close();
  const again = bench.listen({ port: first.port }, (socket) => accepted.push(socket.remotePort));
  expect(again.port).toBe(first.port);
  bench.connect({ address: '127.0.0.1', port: again.port });
  await until(() => accepted.length === 2, 'a connection to the second');
  expect(client.write(new Uint8Array(1), 0, 1)).toBe(1);
});

test('an address in use is EADDRINUSE', () => {
  const { port } = bench.listen({});
  expect(thrownBy(() => bench.listen({ port }))?.code).toBe('EADDRINUSE');
});

testWhere(features.reusePort)('listeners may share an address', () => {
  const shared = bench.listen({ reusePort: true });
  expect(bench.listen({ port: shared.port, reusePort: true }).port).toBe(shared.port);
});

testWhere(features.steering)(
  'of listeners that share an address one takes all, and another when it is gone',
  async () => {
    const taken: string[] = [];
    const options = { reusePort: true };
    const first = bench.listen(options, () => taken.push('first'));
    first.steer(0);
    const { port } = first;
    const second = bench.listen({ ...options, port }, () => taken.push('second'));
    const connect = async (count: number): Promise<string[]> => {
      for (let i = 0; i < count; i++) bench.connect({ address: '127.0.0.1', port });
      await until(() => taken.length === count, 'all connections');
      return [...new Set(taken.splice(0))];
    };
    expect(await connect(20)).toEqual(['first']);
    second.steer(1);
    expect(await connect(20)).toEqual(['second']);
    first.close();
    expect(await connect(20)).toEqual(['second']);
    expect(thrownBy(() => first.steer(0))?.code).toBe('EBADF');
    expect(thrownBy(() => bench.listen({}).steer(0))?.code).toBe('EINVAL');
  },
);

test("'::' takes both families, and IPv4 looks like IPv4", async () => {
  const remotes: string[] = [];
  const locals: string[] = [];
  const { port } = bench.listen({ address: '::' }, (socket) => {
    remotes.push(socket.remoteAddress);
    locals.push(socket.localAddress);
  });
  bench.connect({ address: '127.0.0.1', port, localAddress: '127.0.0.5' });
  bench.connect({ address: '::1', port });
  await until(() => remotes.length === 2, 'both connections');
  expect(remotes.sort()).toEqual(['127.0.0.5', '::1']);
  expect(locals.sort()).toEqual(['127.0.0.1', '::1']);
});

test('a crowd of connections is accepted to the last', async () => {
  let accepted = 0;
  const { port } = bench.listen({}, () => accepted++);
  for (let i = 0; i < 300; i++) bench.connect({ address: '127.0.0.1', port });
  await until(() => accepted === 300, '300 connections');
});

test('a listener closed by its own callback accepts no more', async () => {
  let accepted = 0;
  const listener = bench.listen({}, () => {
    accepted++;
    listener.close();
  });
  for (let i = 0; i < 10; i++) bench.connect({ address: '127.0.0.1', port: listener.port });
  await until(() => accepted > 0, 'a connection');
  await delay(10);
  expect(accepted).toBe(1);
});

test('closing twice is closing once', () => {
  const listener = bench.listen({});
  listener.close();
  expect(thrownBy(() => listener.close())).toBeUndefined();
});

test('arguments outside their bounds are RangeErrors', () => {
  const nameOf = (options: Parameters<TcpWorkbench['listen']>[0]): string | undefined =>
    thrownBy(() => bench.listen(options))?.name;
  expect(nameOf({ address: 'example.org' })).toBe('RangeError');
  expect(nameOf({ port: -1 })).toBe('RangeError');
  expect(nameOf({ port: 65_536 })).toBe('RangeError');
  expect(nameOf({ backlog: 0 })).toBe('RangeError');
  expect(nameOf({ mark: 2 ** 32 })).toBe('RangeError');
  expect(nameOf({ receiveBufferBytes: -1 })).toBe('RangeError');
  expect(nameOf({ sendBufferBytes: 1.5 })).toBe('RangeError');
});
