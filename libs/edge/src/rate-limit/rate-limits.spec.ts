import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { ForwardState } from '../policy/state.js';
import { freeTcpPort, MEMORY_BYTES, readAll, sha256, TestPair, TestServer, until } from '../testing.js';

const MBPS = 16;
const BYTES_PER_MS = (MBPS * 1e6) / 8 / 1000;
/** Some bursts, and a block of what comes from the tunnel, which is decoded as a whole. */
const SLACK_BYTES = 4 * 20 * BYTES_PER_MS + 262_144;

/** Bytes and time, as a reader sees them: `mostBytes` is what the limit allows until now. It is made before the first byte is sent, so bytes that a busy machine delivers late are not held against the limit. */
class Meter {
  bytes = 0;
  /** By how much the limit was ever exceeded. */
  excess = 0;
  private readonly sinceMs = performance.now();

  constructor(...sockets: readonly Socket[]) {
    for (const socket of sockets) {
      socket.on('data', (data) => {
        this.bytes += data.length;
        this.excess = Math.max(this.excess, this.bytes - this.mostBytes);
      });
    }
  }

  private get mostBytes(): number {
    return (performance.now() - this.sinceMs) * BYTES_PER_MS + SLACK_BYTES;
  }
}

describe('a rate limit', () => {
  let server: TestServer;
  let pair: TestPair;
  const content = Buffer.alloc(1_600_000, 'a line that compresses well; ');

  beforeEach(async () => {
    server = await TestServer.start();
  });

  afterEach(async () => {
    pair.stop();
    await server.stop();
  });

  function apply(...forwards: readonly ForwardState[]): void {
    pair.near.plane.apply(pair.near.state([pair.far], { forwards }));
  }

  it.each(['off', 'strongest'] as const)(
    'holds both directions to it, and every byte arrives (compression %s)',
    async (compression) => {
      pair = await TestPair.start(server.port, { compression, rateLimitMbps: MBPS });
      const client = pair.connect();
      const remote = await server.accepted();
      const [down, up] = [new Meter(client), new Meter(remote)];
      client.end(content);
      remote.end(content);
      const received = await Promise.all([readAll(client), readAll(remote)]);
      const whole = { bytes: content.length, sha256: sha256(content) };
      expect(received).toEqual([whole, whole]);
      expect(Math.max(up.excess, down.excess)).toBe(0);
    },
  );

  it('is one for all connections of a rule, and each gets its share', async () => {
    pair = await TestPair.start(server.port, { rateLimitMbps: MBPS });
    const clients = [pair.connect(), pair.connect(), pair.connect()];
    const remotes = [await server.accepted(), await server.accepted(), await server.accepted()];
    const all = new Meter(...remotes);
    const each = remotes.map((remote) => new Meter(remote));
    for (const client of clients) client.write(content);
    await until(() => all.bytes > 1_400_000);
    expect(all.excess).toBe(0);
    for (const { bytes } of each) expect(bytes).toBeGreaterThan(150_000);
  });

  it('makes the applications wait: what they have written and nobody took is bounded', async () => {
    pair = await TestPair.start(server.port, { compression: 'off', rateLimitMbps: 0.1 });
    const client = pair.connect();
    const remote = await server.accepted();
    remote.write(Buffer.alloc(100_000_000));
    client.resume();
    await until(() => pair.near.plane.activeFlows(1)[0].bytesDown > 16_384);
    // What a stream's window may take of the memory, as in back-pressure.spec.ts.
    const [far] = pair.far.plane.activeFlows(1);
    expect(far.bytesDown).toBeLessThan(MEMORY_BYTES / 4);
    expect(remote.writableLength).toBeGreaterThan(0);
  });

  it('that changes or goes is felt by connections that are open', async () => {
    pair = await TestPair.start(server.port, { rateLimitMbps: 0.1 });
    const client = pair.connect();
    const remote = await server.accepted();
    const received = readAll(remote);
    client.end(content);
    await until(() => pair.far.plane.activeFlows(1)[0].bytesUp > 0);
    const { forward } = pair;
    const free = { ...forward.treatment, rateLimitMbps: undefined };
    // At 0.1 Mbit/s it would take two minutes.
    apply({ ...forward, treatment: { ...free, rateLimitMbps: 1000 } });
    expect((await received).bytes).toBe(content.length);
    apply({ ...forward, treatment: free });
    remote.end(content);
    expect((await readAll(client)).bytes).toBe(content.length);
  });

  it('is one for all rules and forwards of a group, whose limits must not differ', async () => {
    pair = await TestPair.start(server.port, { rateLimitMbps: MBPS, limitGroup: 'backup' });
    const { forward } = pair;
    const port = await freeTcpPort();
    const second = { ...forward, id: 'second', listen: { address: '127.0.0.1', port } };
    const wrong = { ...second, treatment: { ...second.treatment, rateLimitMbps: 1 } };
    expect(() => {
      apply(forward, wrong);
    }).toThrow('second: rateLimitMbps differs from that of others of the group backup');
    apply(forward, second);
    const clients = [pair.connect(), connect(port, '127.0.0.1').on('error', () => undefined)];
    const meter = new Meter(await server.accepted(), await server.accepted());
    for (const client of clients) client.write(content);
    await until(() => meter.bytes > 1_400_000);
    expect(meter.excess).toBe(0);
  });

  it('holds connections that go straight while the peer is down', async () => {
    pair = await TestPair.start(server.port, { rateLimitMbps: MBPS, whenPeerDown: 'pass' });
    pair.far.plane.close();
    await until(() => !pair.near.up.has('far'));
    const client = pair.connect();
    const remote = await server.accepted();
    const [down, up] = [new Meter(client), new Meter(remote)];
    client.end(content);
    remote.end(content);
    await Promise.all([readAll(client), readAll(remote), once(client, 'close')]);
    expect([up.bytes, down.bytes]).toEqual([content.length, content.length]);
    expect(Math.max(up.excess, down.excess)).toBe(0);
  });
});
