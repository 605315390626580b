import { once } from 'node:events';
import { readAll, TestPair, TestServer, writeUntilStalled } from './testing.js';

/** Kernel buffers of four sockets on loopback, and what two agents hold by design: windows, send buffers, one block. */
const MOST_BYTES_ON_THE_WAY = 40_000_000;

describe('back-pressure', () => {
  let server: TestServer;
  let pair: TestPair;

  beforeEach(async () => {
    server = await TestServer.start();
    pair = await TestPair.start(server.port, { compression: 'off' });
  });

  afterEach(async () => {
    await pair.stop();
    await server.stop();
  });

  it('a reader that stalls holds its writer back, others go on, and no byte is lost when it reads again', async () => {
    const stalled = pair.connect();
    const remote = await server.accepted();
    remote.pause();
    const bytes = await writeUntilStalled(stalled);
    expect(bytes).toBeLessThan(MOST_BYTES_ON_THE_WAY);
    const other = pair.connect();
    other.end(Buffer.alloc(10_000_000, 1));
    const otherRemote = await server.accepted();
    expect((await readAll(otherRemote)).bytes).toBe(10_000_000);
    otherRemote.end();
    stalled.end();
    const received = await readAll(remote);
    expect(received.bytes).toBeGreaterThanOrEqual(bytes);
    expect(received.bytes % 65_536).toBe(0);
    remote.end();
    await once(stalled.resume(), 'close');
  });

  it('a few encoded bytes that stand for many are decoded no faster than they are read', async () => {
    await pair.stop();
    pair = await TestPair.start(server.port, { compression: 'strongest' });
    const client = pair.connect();
    const remote = await server.accepted();
    remote.pause();
    const zeros = Buffer.alloc(60_000_000);
    client.end(zeros);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const [flow] = pair.far.plane.activeFlows(1);
    expect(flow.bytesUp).toBeLessThan(MOST_BYTES_ON_THE_WAY);
    expect((await readAll(remote)).bytes).toBe(zeros.length);
    remote.end();
  });
});
