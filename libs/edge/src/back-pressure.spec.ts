import { once } from 'node:events';
import { MEMORY_BYTES, readAll, TestPair, TestServer, writeUntilStalled } from './testing.js';

/**
 * What two agents hold at most for one stream. Its window grows a few times, each time by at most a quarter of what is free,
 * into half of the receiver's share of the memory, which is half of it. How far it comes in a run depends on the round trip,
 * and that on the machine. The kernel's buffers come on top.
 */
const MOST_BYTES_HELD = MEMORY_BYTES / 4;
/** What the kernel takes of a connection whose reader does not read: the agent's send buffer, which it doubles, the reader's first window, and a block. */
const MOST_BYTES_DELIVERED = 3_000_000;

describe('back-pressure', () => {
  let server: TestServer;
  let pair: TestPair;

  beforeEach(async () => {
    server = await TestServer.start();
    pair = await TestPair.start(server.port, { compression: 'off' });
  });

  afterEach(async () => {
    pair.stop();
    await server.stop();
  });

  it('a reader that stalls holds its writer back, others go on, and no byte is lost when it reads again', async () => {
    const stalled = pair.connect();
    const remote = await server.accepted();
    remote.pause();
    const bytes = await writeUntilStalled(stalled);
    const [near] = pair.near.plane.activeFlows(1);
    const [far] = pair.far.plane.activeFlows(1);
    expect(near.bytesUp - far.bytesUp).toBeLessThan(MOST_BYTES_HELD);
    // The chunk that was not taken as a whole does not count as written.
    expect(bytes + 65_536).toBeGreaterThanOrEqual(near.bytesUp);
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
    pair.stop();
    pair = await TestPair.start(server.port, { compression: 'strongest' });
    const client = pair.connect();
    const remote = await server.accepted();
    remote.pause();
    const zeros = Buffer.alloc(60_000_000);
    client.end(zeros);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const [flow] = pair.far.plane.activeFlows(1);
    expect(flow.bytesUp).toBeLessThan(MOST_BYTES_DELIVERED);
    expect((await readAll(remote)).bytes).toBe(zeros.length);
    remote.end();
  });
});
