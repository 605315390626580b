import { TcpSocket } from '@longhaul/native';
import { errorCode, freeTcpPort, readAll, TestPair, TestServer, until } from './testing.js';

/** Has connects fail at once, as they do in a process that has no descriptors left; gives what ends that. */
function withoutDescriptors(): () => void {
  const { connect } = TcpSocket;
  TcpSocket.connect = () => {
    throw Object.assign(new Error('no TCP socket could be made'), { code: 'EMFILE' });
  };
  return () => {
    TcpSocket.connect = connect;
  };
}

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

  it('of a far agent without descriptors: reset here, and the next one is carried', async () => {
    const server = await TestServer.start();
    const pair = await TestPair.start(server.port);
    const restore = withoutDescriptors();
    const client = pair.connect();
    expect(await errorCode(client)).toBe('ECONNRESET');
    restore();
    expect(await pair.near.endedFlow()).toMatchObject({
      ended: 'reset',
      reason: 'the far agent is out of descriptors or memory',
    });
    expect(await pair.far.endedFlow()).toMatchObject({ ended: 'reset', reason: 'cannot connect: EMFILE' });
    pair.connect().write('hello');
    await server.accepted();
    pair.stop();
    await server.stop();
  });

  it('of an agent without descriptors, where the peer is down and it goes straight: reset', async () => {
    const pair = await TestPair.start(await freeTcpPort(), { whenPeerDown: 'pass' });
    pair.far.plane.close();
    await until(() => !pair.near.up.has('far'));
    const restore = withoutDescriptors();
    expect(await errorCode(pair.connect())).toBe('ECONNRESET');
    restore();
    expect(await pair.near.endedFlow()).toMatchObject({
      handling: 'passed',
      ended: 'reset',
      reason: 'cannot connect: EMFILE',
    });
    pair.near.plane.close();
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
