import { EventQueue, type TunnelEvents } from '../events.js';
import { RECEIVE_STRIDE, SEND_STRIDE, type PackedAddress } from '../io.js';
import { ChunkPool } from '../memory/chunk-pool.js';
import { CHUNK_BYTES } from '../params.js';
import { MemoryBudget } from '../streams/memory-budget.js';
import { WaitingWriters } from '../streams/waiting-writers.js';
import { PacketBuilder, SCRATCH_BYTES } from '../wire/packet-builder.js';
import type { SharedResources } from './stream-table.js';
import { Transport } from './transport.js';

/** What the specs of this folder share: a transport without a tunnel around it. */

const MEMORY_BYTES = 6 * 2 ** 20;
const PACKETS = 64;
/** Where packets that arrive are put. */
export const INBOX = 0;
const INBOX_BYTES = 65_536;

export interface BareTransport {
  readonly transport: Transport;
  readonly shared: SharedResources;
  readonly events: string[];
  readonly clock: { nowUs: number; arrivedUs: number };
  /** Lets a packet with these frames arrive. False: the peer broke the protocol. */
  receive(frames: Uint8Array): boolean;
  /** Packets that may leave now. */
  poll(): number;
}

/** A transport whose peer opens streams with even ids. */
export function bareTransport(): BareTransport {
  const memory = new Uint8Array(MEMORY_BYTES);
  const clock = { nowUs: 0, arrivedUs: 0 };
  const events: string[] = [];
  const queue = new EventQueue(recorder(events));
  const builder = new PacketBuilder(memory, INBOX_BYTES);
  const middle = MEMORY_BYTES / 2;
  const receivePool = new ChunkPool(memory, INBOX_BYTES + SCRATCH_BYTES, middle);
  const sendPool = new ChunkPool(memory, middle, MEMORY_BYTES);
  const shared: SharedResources = {
    clock,
    events: queue,
    builder,
    receivePool,
    sendPool,
    budget: new MemoryBudget(receivePool.capacity * CHUNK_BYTES),
    waitingWriters: new WaitingWriters(sendPool, queue),
    random: () => 0.5,
  };
  const transport = new Transport(
    { peerId: 'peer', idParity: 1, peerInitialWindow: 100_000, unixTimeMs: 0 },
    { profile: 'lossy', maxUdpPayload: 1472 },
    shared,
    { touch: () => undefined, onPathChallenge: () => undefined, onPathResponse: () => undefined },
  );
  const descriptors = new Int32Array(PACKETS * Math.max(SEND_STRIDE, RECEIVE_STRIDE));
  const address: PackedAddress = new Int32Array(5);
  let number = 0;
  return {
    transport,
    shared,
    events,
    clock,
    receive(frames) {
      memory.set(frames, INBOX);
      const accepted = transport.onPacket(number++, INBOX, frames.length, frames.length + 25);
      queue.deliver();
      return accepted;
    },
    poll() {
      builder.reset(descriptors, PACKETS);
      transport.poll({ peerIndex: 1, sendKeyId: 0 }, address);
      return builder.count;
    },
  };
}

function recorder(events: string[]): TunnelEvents {
  return {
    tunnelUp: () => undefined,
    tunnelDown: () => undefined,
    streamOpened: ({ id, openPayload }) => events.push(`${id} opened with ${openPayload.length}`),
    streamReadable: (stream) => {
      const length = stream.readableBytes;
      while (stream.spanLength > 0) stream.consume(stream.spanLength);
      stream.release(length);
      events.push(`${stream.id} read ${length}${stream.readEnded ? ' and the end' : ''}`);
    },
    streamWritable: ({ id }) => events.push(`${id} writable`),
    streamReset: ({ id }, code) => events.push(`${id} reset ${code}`),
    streamStopped: ({ id }, code) => events.push(`${id} stopped ${code}`),
    streamClosed: ({ id }) => events.push(`${id} closed`),
  };
}
