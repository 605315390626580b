import { randomFillSync } from 'node:crypto';
import { TcpListener, TcpSocket } from '@longhaul/native';
import { DataPlane } from './data-plane.js';
import { generateKeyPair, type KeyPair } from './key-pair.js';
import type { SocketAddress } from './policy/addresses.js';
import type { DataPlaneState, ForwardState } from './policy/state.js';

/** Enough for the optimising compiler to have seen what every byte passes through; about half a second of one core. */
const RANDOM_BYTES = 48 * 1024 * 1024;
/** The same for what compression does. */
const COMPRESSIBLE_BYTES = 16 * 1024 * 1024;
/** Short connections, one after the other, for what opening and ending them does. */
const REQUESTS = 300;
const REQUEST_BYTES = 200;
/**
 * So little that the kernel drops some of what comes in a burst: loss, its repair and its acknowledgement are rehearsed
 * as well.
 */
const UDP_BUFFER_BYTES = 262_144;
const BLOCK_BYTES = 65_536;
const MEMORY_BYTES = 33_554_432;
const LOOPBACK = '127.0.0.1';

/**
 * Carries some bytes from this thread to itself, through two data planes on the loopback, so that the first real
 * transfer meets compiled code: until JavaScript has been compiled for what it is used for, it runs many times slower.
 * Everything else of the thread goes on beside it.
 *
 * @param deadlineMs it is broken off then
 */
export async function rehearse(deadlineMs: number): Promise<void> {
  const rehearsal = new Rehearsal();
  const deadline = setTimeout(() => {
    rehearsal.end();
  }, deadlineMs);
  try {
    await rehearsal.run();
  } finally {
    clearTimeout(deadline);
    rehearsal.close();
  }
}

class Rehearsal {
  private readonly keys = { near: generateKeyPair(), far: generateKeyPair() };
  private readonly near: DataPlane;
  private readonly far: DataPlane;
  private readonly sink: TcpListener;
  private readonly sockets = new Set<TcpSocket>();
  private readonly random = randomFillSync(new Uint8Array(BLOCK_BYTES));
  private readonly compressible = new Uint8Array(BLOCK_BYTES).map((_, index) => (index >> 4) & 0xff);
  private readonly buffer = new Uint8Array(4 * BLOCK_BYTES);
  /** Ends {@link run}. */
  end: () => void = () => undefined;
  private readonly ended = new Promise<void>((resolve) => (this.end = resolve));
  private over = false;
  private tunnelUp: () => void = () => undefined;
  private readonly up = new Promise<void>((resolve) => (this.tunnelUp = resolve));

  constructor() {
    const options = { memoryBytes: MEMORY_BYTES, receiveBufferBytes: UDP_BUFFER_BYTES };
    const events = {
      tunnelUp: this.tunnelUp,
      tunnelDown: () => undefined,
    };
    this.near = new DataPlane(options, events);
    this.far = new DataPlane(options, { ...events, tunnelUp: () => undefined });
    this.sink = new TcpListener({ address: LOOPBACK, port: 0 }, (socket) => {
      this.answer(socket);
    });
  }

  async run(): Promise<void> {
    const port = freePort();
    this.applyStates(port);
    await Promise.race([this.ended, this.play(port)]);
    this.over = true;
  }

  private async play(port: number): Promise<void> {
    await this.up;
    const requests = new Array<number>(REQUESTS).fill(REQUEST_BYTES);
    for (const bytes of [RANDOM_BYTES + COMPRESSIBLE_BYTES, ...requests]) {
      if (this.over) return;
      await this.exchange(port, bytes);
    }
  }

  private applyStates(listenPort: number): void {
    const { keys, near, far, sink } = this;
    const target = { address: LOOPBACK, port: sink.port };
    const ports = [{ from: target.port, to: target.port }];
    const allow = [{ peerId: 'near', prefixes: [`${LOOPBACK}/32`], ports }];
    far.apply({ ...stateOf(keys.far, 'near', keys.near, []), allow });
    const forward: ForwardState = {
      id: 'rehearsal',
      listen: { address: LOOPBACK, port: listenPort },
      target,
      treatment: { peerId: 'far', class: 'bulk', weight: 1, compression: 'auto', whenPeerDown: 'refuse' },
    };
    const farAddress = { address: LOOPBACK, port: far.statistics().tunnelPort };
    near.apply({ ...stateOf(keys.near, 'far', keys.far, [farAddress]), forwards: [forward] });
  }

  /** Writes so many bytes into the near end and waits for the answer of the far one. */
  private exchange(port: number, bytes: number): Promise<void> {
    return new Promise((resolve) => {
      let sent = 0;
      const write = (): void => {
        while (sent < bytes) {
          const block = sent < RANDOM_BYTES ? this.random : this.compressible;
          const at = sent % BLOCK_BYTES;
          const taken = socket.write(block, at, Math.min(BLOCK_BYTES - at, bytes - sent));
          if (taken === 0) return;
          sent += taken;
        }
        socket.wantWrite(false);
        socket.shutdownWrite();
        socket.wantRead(true);
      };
      const socket = TcpSocket.connect(
        { address: LOOPBACK, port },
        {
          onConnect: (errorCode) => {
            if (errorCode === undefined) socket.wantWrite(true);
            else this.end();
          },
          onReadable: this.untilFailure(() => {
            if (socket.read(this.buffer, 0, this.buffer.length) !== 0) return;
            this.drop(socket);
            resolve();
          }),
          onWritable: this.untilFailure(write),
          onError: this.end,
        },
      );
      this.sockets.add(socket);
    });
  }

  /** Reads to the end of what comes out of the far end, and answers. */
  private answer(socket: TcpSocket): void {
    this.sockets.add(socket);
    socket.setEvents({
      onReadable: this.untilFailure(() => {
        if (socket.read(this.buffer, 0, this.buffer.length) !== 0) return;
        socket.write(this.random, 0, REQUEST_BYTES);
        this.drop(socket);
      }),
      onWritable: () => undefined,
    });
    socket.wantRead(true);
  }

  private drop(socket: TcpSocket): void {
    this.sockets.delete(socket);
    socket.close();
  }

  /** A connection that breaks is the end of the rehearsal, and of nothing else. */
  private untilFailure(deed: () => void): () => void {
    return () => {
      try {
        deed();
      } catch {
        this.end();
      }
    };
  }

  close(): void {
    for (const socket of this.sockets) socket.close();
    this.sink.close();
    this.near.close();
    this.far.close();
  }
}

function stateOf(
  own: KeyPair,
  peerId: string,
  peer: KeyPair,
  endpoints: readonly SocketAddress[],
): DataPlaneState {
  return {
    privateKey: own.privateKey,
    tunnel: { address: LOOPBACK, port: 0 },
    peers: [
      {
        id: peerId,
        publicKey: peer.publicKey,
        endpoints,
        profile: 'lossy',
        cipherSuite: 'aes-128-gcm',
        maxUdpPayload: 1472,
      },
    ],
    rules: [],
    forwards: [],
    allow: [],
    intercept: false,
    management: [],
  };
}

/** A TCP port of the loopback that was free a moment ago. */
function freePort(): number {
  const listener = new TcpListener({ address: LOOPBACK, port: 0 }, (socket) => {
    socket.close();
  });
  listener.close();
  return listener.port;
}
