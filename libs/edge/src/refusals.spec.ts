import { errorCode, freeTcpPort, readAll, TestPair, TestServer } from './testing.js';

describe('an open that comes to nothing', () => {
  it('of a destination that refuses: reset here, the reason in both records', async () => {
    const pair = await TestPair.start(await freeTcpPort());
    const client = pair.connect();
    expect(await errorCode(client)).toBe('ECONNRESET');
    const expected = { ended: 'refused', reason: 'the destination refused the connection' };
    expect(await pair.near.endedFlow()).toMatchObject(expected);
    expect(await pair.far.endedFlow()).toMatchObject(expected);
    pair.stop();
  });

  it('of a destination that the far agent does not allow: no connection is tried', async () => {
    const server = await TestServer.start();
    const pair = await TestPair.start(server.port);
    const elsewhere = { from: server.port + 1, to: 65_535 };
    pair.far.plane.apply(
      pair.far.state([pair.near], {
        allow: [{ peerId: 'near', prefixes: ['127.0.0.1/32'], ports: [elsewhere] }],
      }),
    );
    const client = pair.connect();
    expect(await errorCode(client)).toBe('ECONNRESET');
    expect(await pair.near.endedFlow()).toMatchObject({ ended: 'denied' });
    expect(await pair.far.endedFlow()).toMatchObject({ ended: 'denied' });
    expect(server.sockets).toHaveLength(0);
    pair.stop();
    await server.stop();
  });

  it('leaves connections that are open alone, when what is allowed changes', async () => {
    const server = await TestServer.start();
    const pair = await TestPair.start(server.port);
    const client = pair.connect();
    client.write('before ');
    const remote = await server.accepted();
    pair.far.plane.apply(pair.far.state([pair.near]));
    pair.near.plane.apply(pair.near.state([pair.far]));
    client.end('after');
    expect((await readAll(remote)).bytes).toBe('before after'.length);
    remote.end('answer');
    expect((await readAll(client)).bytes).toBe('answer'.length);
    pair.stop();
    await server.stop();
  });
});
