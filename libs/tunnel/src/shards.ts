import { Receive, RECEIVE_STRIDE } from './io.js';
import { UNKNOWN_SESSION_NOTICES_PER_SECOND } from './params.js';
import { RateLimit } from './rate-limit.js';
import { PacketType } from './wire/packet.js';
import { readU32 } from './wire/varint.js';

/** The shard that answers for what names no session: the first, as the kernel has it too. */
export const DOOR = 0;

/** Datagrams that come to a shard and name another; beyond it they are lost, as if on their way. */
const HANDED_OVER_PER_SECOND = 2000;

/** A kind of datagram, by its first byte, and where it has the big-endian index that its receiver chose. */
interface ReceiverIndexField {
  readonly firstByte: number;
  readonly offset: number;
}

/** Datagrams of other kinds have no such index. */
export const RECEIVER_INDEX_FIELDS: readonly ReceiverIndexField[] = [
  { firstByte: PacketType.data, offset: 1 },
  { firstByte: PacketType.response, offset: 8 },
  { firstByte: PacketType.cookieReply, offset: 4 },
];

const INDEX_OFFSETS: ReadonlyMap<number, number> = new Map(
  RECEIVER_INDEX_FIELDS.map(({ firstByte, offset }) => [firstByte, offset]),
);

/** The shard that a datagram in `memory` names, of `count`: what the kernel is asked to choose by. */
export function namedShard(memory: Uint8Array, offset: number, length: number, count: number): number {
  const index = receiverIndex(memory, offset, length);
  return index === undefined ? DOOR : index % count;
}

/** The index of its receiver that a datagram in `memory` has; undefined where it has none. */
export function receiverIndex(memory: Uint8Array, offset: number, length: number): number | undefined {
  const indexAt = INDEX_OFFSETS.get(memory[offset]);
  return indexAt === undefined || indexAt + 4 > length ? undefined : readU32(memory, offset + indexAt);
}

/** One of several endpoints behind one UDP port. Each peer is at one of them. */
export interface ShardOptions {
  /** From 0. */
  readonly index: number;
  /** Of all shards, at least 2. */
  readonly count: number;
  /**
   * Gives a datagram to another shard, for its {@link Endpoint.receive}: the bytes, and its receive record, of which the
   * offset does not count.
   */
  handOver(shard: number, datagram: Uint8Array, record: Int32Array): void;
}

/**
 * What an endpoint that is one shard of several does with datagrams that are not its own. Which shard a session is at its
 * index says, modulo their count; so the kernel can tell it too. Initiations and notices of unknown sessions come to the
 * door, which knows where each peer is.
 */
export class Shard {
  /** Datagrams that came to this shard though they name another. */
  misdirected = 0;
  /** The shards of the peers that are at others, by the name of their key. */
  private elsewhere: ReadonlyMap<string, number> = new Map();
  private readonly handedOver = new RateLimit(HANDED_OVER_PER_SECOND);
  private readonly notices = new RateLimit(UNKNOWN_SESSION_NOTICES_PER_SECOND);

  constructor(private readonly options: ShardOptions) {
    const { index, count } = options;
    if (!(Number.isInteger(count) && count >= 2)) throw new RangeError('there are at least two shards');
    if (!(Number.isInteger(index) && index >= 0 && index < count))
      throw new RangeError(`a shard's index is 0 to ${count - 1}, not ${index}`);
  }

  get isDoor(): boolean {
    return this.options.index === DOOR;
  }

  /** Whether any peer is at another shard. */
  get hasOthers(): boolean {
    return this.elsewhere.size > 0;
  }

  setElsewhere(shards: ReadonlyMap<string, number>): void {
    this.elsewhere = shards;
  }

  /** The number next to a random one that names this shard; undefined where 32 bits do not hold it. */
  indexNear(random: number): number | undefined {
    const { index, count } = this.options;
    const named = random - (random % count) + index;
    return named < 2 ** 32 ? named : undefined;
  }

  /** Hands a datagram of at least 9 bytes over to the shard that it names, if that is another. */
  passOn(memory: Uint8Array, records: Int32Array, at: number, nowUs: number): boolean {
    const { index, count } = this.options;
    const shard = namedShard(memory, records[at + Receive.offset], records[at + Receive.length], count);
    if (shard === index) return false;
    this.misdirected++;
    if (this.handedOver.take(nowUs)) this.handOver(shard, memory, records, at);
    return true;
  }

  /** Hands over an initiation of a peer that is at another shard, which was found authentic here. */
  handInitiationOver(peer: string, initiation: Uint8Array, record: Int32Array): void {
    const shard = this.elsewhere.get(peer);
    if (shard !== undefined) this.options.handOver(shard, initiation, record);
  }

  /** A notice does not tell whose session is meant: every other shard is asked. */
  spreadNotice(notice: Uint8Array, record: Int32Array, nowUs: number): void {
    if (!this.notices.take(nowUs)) return;
    for (let shard = 0; shard < this.options.count; shard++)
      if (shard !== this.options.index) this.options.handOver(shard, notice, record);
  }

  private handOver(shard: number, memory: Uint8Array, records: Int32Array, at: number): void {
    const offset = records[at + Receive.offset];
    const datagram = memory.slice(offset, offset + records[at + Receive.length]);
    this.options.handOver(shard, datagram, records.slice(at, at + RECEIVE_STRIDE));
  }
}
