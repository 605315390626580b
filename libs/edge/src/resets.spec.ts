import { once } from 'node:events';
import { errorCode, TestPair, TestServer, writeUntilStalled } from './testing.js';

describe('resets are carried as resets', () => {
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

  it('from the side that began', async () => {
    const client = pair.connect();
    client.write('hello');
    const remote = await server.accepted();
    await once(remote, 'data');
    const ended = errorCode(remote);
    client.resetAndDestroy();
    expect(await ended).toBe('ECONNRESET');
    expect(await pair.near.endedFlow()).toMatchObject({ ended: 'reset' });
    expect(await pair.far.endedFlow()).toMatchObject({
      ended: 'reset',
      reason: 'the far side reset the connection',
    });
  });

  it('from the far side', async () => {
    const client = pair.connect();
    client.write('hello');
    const remote = await server.accepted();
    await once(remote, 'data');
    const ended = errorCode(client);
    remote.resetAndDestroy();
    expect(await ended).toBe('ECONNRESET');
    expect(await pair.near.endedFlow()).toMatchObject({
      ended: 'reset',
      reason: 'the far side reset the connection',
    });
  });

  it('behind a half-close', async () => {
    const client = pair.connect();
    client.end('all of it');
    const remote = await server.accepted();
    remote.resume();
    await once(remote, 'end');
    const ended = errorCode(client);
    remote.resetAndDestroy();
    expect(await ended).toBe('ECONNRESET');
  });

  it('while the reading side is stalled by a full path', async () => {
    const client = pair.connect();
    const remote = await server.accepted();
    remote.pause();
    await writeUntilStalled(client);
    const ended = errorCode(client);
    remote.resetAndDestroy();
    expect(await ended).toBe('ECONNRESET');
  });
});
