import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { readAll, sha256, TestPair, TestServer, until } from './testing.js';

/** Bytes that differ from connection to connection. */
function bytesOf(index: number, length: number): Buffer {
  const unit = createHash('sha256').update(`connection ${index}`).digest();
  return Buffer.alloc(length, unit);
}

describe('many connections in one tunnel', () => {
  let server: TestServer;
  let pair: TestPair;

  beforeEach(async () => {
    server = await TestServer.start((socket) => socket.pipe(socket));
    pair = await TestPair.start(server.port);
  });

  afterEach(async () => {
    pair.stop();
    await server.stop();
  });

  it('two hundred at once, each with its own bytes', async () => {
    const exchanges = Array.from({ length: 200 }, async (_, index) => {
      const data = bytesOf(index, 20_000 + 1000 * index);
      const client = pair.connect();
      client.end(data);
      expect(await readAll(client)).toEqual({ bytes: data.length, sha256: sha256(data) });
    });
    await Promise.all(exchanges);
    await until(() => pair.near.plane.statistics().activeFlows === 0);
    await until(() => pair.far.plane.statistics().activeFlows === 0);
    expect(pair.near.plane.takeEndedFlows()).toHaveLength(200);
    await until(() => pair.near.plane.statistics().links[0].tunnel.openStreams === 0);
  });

  it('small requests and answers beside a bulk transfer', async () => {
    const bulk = pair.connect();
    bulk.end(Buffer.alloc(20_000_000, 3));
    const bulkEnd = readAll(bulk);
    const client = pair.connect();
    for (let round = 0; round < 50; round++) {
      client.write(`request ${round}`);
      expect(await readExactly(client, `request ${round}`.length)).toBe(`request ${round}`);
    }
    client.end();
    expect((await bulkEnd).bytes).toBe(20_000_000);
  });
});

async function readExactly(socket: Socket, length: number): Promise<string> {
  let text = '';
  while (text.length < length) {
    const [data] = (await once(socket, 'data')) as [Buffer];
    text += data.toString();
  }
  return text;
}
