import { once } from 'node:events';
import { errorCode, freeUdpPort, readAll, TestAgent, TestPair, TestServer, until } from './testing.js';

describe('while the peer cannot be reached', () => {
  it('connections go straight to their destination', async () => {
    const server = await TestServer.start((socket) => socket.pipe(socket));
    const pair = await TestPair.start(server.port, { whenPeerDown: 'pass' });
    pair.far.plane.close();
    await until(() => !pair.near.up.has('far'));
    const client = pair.connect();
    const data = Buffer.alloc(3_000_000, 'x');
    client.end(data);
    expect((await readAll(client)).bytes).toBe(data.length);
    expect(await pair.near.endedFlow()).toMatchObject({
      handling: 'passed',
      ended: 'closed',
      peerId: null,
      bytesUp: data.length,
      bytesDown: data.length,
    });
    pair.near.plane.close();
    await server.stop();
  });

  it('connections are refused where the policy says so', async () => {
    const server = await TestServer.start();
    const pair = await TestPair.start(server.port, { whenPeerDown: 'refuse' });
    pair.far.plane.close();
    await until(() => !pair.near.up.has('far'));
    expect(await errorCode(pair.connect())).toBe('ECONNRESET');
    expect(await pair.near.endedFlow()).toMatchObject({ handling: 'refused', ended: 'unreachable' });
    expect(server.sockets).toHaveLength(0);
    pair.near.plane.close();
    await server.stop();
  });

  it('a peer that was never there is the same', async () => {
    const server = await TestServer.start();
    const pair = await TestPair.start(server.port, { whenPeerDown: 'refuse' });
    const stranger = new TestAgent('stranger', await freeUdpPort());
    const treatment = { ...pair.forward.treatment, peerId: 'stranger' };
    pair.near.plane.apply(
      pair.near.state([pair.far, stranger], { forwards: [{ ...pair.forward, treatment }] }),
    );
    expect(await errorCode(pair.connect())).toBe('ECONNRESET');
    pair.stop();
    stranger.plane.close();
    await server.stop();
  });

  it('an agent that stops resets what is open, and says so to its peer', async () => {
    const server = await TestServer.start();
    const pair = await TestPair.start(server.port);
    const client = pair.connect();
    client.write('hello');
    const remote = await server.accepted();
    await once(remote, 'data');
    const [atClient, atServer] = [errorCode(client), errorCode(remote)];
    pair.far.plane.close();
    expect(await Promise.all([atClient, atServer])).toEqual(['ECONNRESET', 'ECONNRESET']);
    expect(await pair.far.endedFlow()).toMatchObject({ ended: 'agent-stopped' });
    expect(await pair.near.endedFlow()).toMatchObject({
      ended: 'agent-stopped',
      reason: 'the far agent was stopped',
    });
    pair.near.plane.close();
    await server.stop();
  });
});
