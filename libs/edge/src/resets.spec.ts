import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { errorCode, TestPair, TestServer, until, writeUntilStalled } from './testing.js';

/** A port at which nobody answers: what listens there is full and stands still. */
async function silentPort(): Promise<{ port: number; stop(): Promise<void> }> {
  const listener = new Worker(
    `const { parentPort } = require('node:worker_threads');
    const server = require('node:net').createServer();
    server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      parentPort.once('message', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
    });`,
    { eval: true },
  );
  const [port] = (await once(listener, 'message')) as [number];
  listener.postMessage('stand still');
  const fillers: Socket[] = [];
  while (connecting(port) === 0) {
    fillers.push(connect({ host: '127.0.0.1', port }).on('error', () => undefined));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    port,
    stop: async () => {
      for (const filler of fillers) filler.destroy();
      await listener.terminate();
    },
  };
}

/** Connections to a port of 127.0.0.1 that wait for an answer (TCP_SYN_SENT). */
function connecting(port: number): number {
  const remote = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .filter((line) => {
      const [, , to, state] = line.trim().split(/\s+/);
      return to === remote && state === '02';
    }).length;
}

it('a reset gives up the connect that it overtakes', async () => {
  const silent = await silentPort();
  const before = connecting(silent.port);
  const pair = await TestPair.start(silent.port);
  const client = pair.connect();
  client.write('hello');
  await until(() => connecting(silent.port) > before);
  client.resetAndDestroy();
  expect(await pair.far.endedFlow()).toMatchObject({ ended: 'reset' });
  expect(connecting(silent.port)).toBe(before);
  pair.stop();
  await silent.stop();
});

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
