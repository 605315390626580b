import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readAll, sha256, TestPair, TestServer } from './testing.js';

/** Random, zero and textual stretches, so that blocks of every kind occur. */
function mixedBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 150_000) {
    randomBytes(50_000).copy(bytes, at);
    bytes.write('all work and no play makes jack a dull boy '.repeat(1000), at + 50_000);
  }
  return bytes;
}

describe('bytes through two data planes', () => {
  let server: TestServer;
  let pair: TestPair;

  beforeEach(async () => {
    server = await TestServer.start();
    pair = await TestPair.start(server.port);
  });

  afterEach(async () => {
    pair.stop();
    await server.stop();
  });

  it('arrive exactly, both directions at once', async () => {
    const up = mixedBytes(8_000_000);
    const down = mixedBytes(7_000_001);
    const client = pair.connect();
    client.end(up);
    const remote = await server.accepted();
    remote.end(down);
    const [atServer, atClient] = await Promise.all([readAll(remote), readAll(client)]);
    expect(atServer).toEqual({ bytes: up.length, sha256: sha256(up) });
    expect(atClient).toEqual({ bytes: down.length, sha256: sha256(down) });
    const record = await pair.near.endedFlow();
    expect(record).toMatchObject({ ended: 'closed', role: 'initiator', peerId: 'far', ruleId: 'forward-1' });
    expect([record.bytesUp, record.bytesDown]).toEqual([up.length, down.length]);
    expect(record.encodedBytesUp).toBeLessThan(0.6 * up.length);
    const far = await pair.far.endedFlow();
    expect(far).toMatchObject({ flowId: record.flowId, role: 'responder', ended: 'closed' });
    expect([far.bytesUp, far.bytesDown]).toEqual([up.length, down.length]);
    expect(far.encodedBytesUp).toBe(record.encodedBytesUp);
  });

  it('go on one way after the other way has ended', async () => {
    const client = pair.connect();
    client.end('request');
    const remote = await server.accepted();
    const request = await readAll(remote);
    expect(request.bytes).toBe(7);
    const answer = mixedBytes(2_000_000);
    remote.end(answer);
    expect(await readAll(client)).toEqual({ bytes: answer.length, sha256: sha256(answer) });
  });

  it('come from a server that speaks first', async () => {
    const client = pair.connect();
    const remote = await server.accepted();
    remote.write('220 ready\r\n');
    const [greeting] = (await once(client, 'data')) as [Buffer];
    expect(greeting.toString()).toBe('220 ready\r\n');
    client.destroy();
  });
});
