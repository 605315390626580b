import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Binding, NativeHandle, UdpStatistics } from '../binding.js';
import { aeadOf, sealedLength, type FallbackAead } from './aead.js';
import { checkLiteral, literalOf, wordsOf } from './addresses.js';
import {
  checkBoolean,
  checkBytes,
  checkFunction,
  checkHandle,
  checkInteger,
  checkInts,
  checkRange,
  INT32_MAX,
} from './arguments.js';
import { Receive, receiveStride, Send, sendFlagMtuProbe, sendStride } from './layout.js';
import { Readiness } from './readiness.js';
import { codeOf, notSupported } from './system-error.js';

/** The most that a datagram can hold: 65,535 less the headers of IPv6 and UDP. */
const MAX_PAYLOAD = 65_535 - 40 - 8;
/** What the addon's callers have to offer at least: a slot of 64 KiB, and records for what one can be cut into. */
const LEAST_REGION_BYTES = 65_536;
const LEAST_RECORDS = 64;
/** Received bytes that wait for the caller; what comes beyond is dropped, as by a kernel's buffer that is full. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

interface Datagram {
  readonly bytes: Uint8Array;
  readonly source: RemoteInfo;
}

/** Addresses are literals: looking one up gives itself, at once, so that binding and sending happen at once too. */
function lookUpLiteral(
  address: string,
  _family: unknown,
  callback: (error: null, address: string) => void,
): void {
  callback(null, address);
}

function openSocket(family: 4 | 6, receiveBufferBytes: number, sendBufferBytes: number): Socket {
  return createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    lookup: lookUpLiteral as never,
    ...(receiveBufferBytes > 0 && { recvBufferSize: receiveBufferBytes }),
    ...(sendBufferBytes > 0 && { sendBufferSize: sendBufferBytes }),
  });
}

/** A socket of node:dgram that keeps what it receives until it is asked for. */
class FallbackUdp {
  readonly statistics: UdpStatistics = {
    sendCalls: 0,
    packetsSent: 0,
    sendErrors: 0,
    receiveCalls: 0,
    packetsReceived: 0,
    receiveDrops: 0,
  };
  readonly port: number;
  private readonly waiting: Datagram[] = [];
  private waitingBytes = 0;
  private closed = false;
  private readonly readiness: Readiness;

  /** @throws Error with a `code` where it cannot be bound */
  constructor(
    private readonly socket: Socket,
    private readonly family: 4 | 6,
    address: string,
    port: number,
    onReadable: () => void,
  ) {
    this.readiness = new Readiness(() => this.waiting.length > 0 && !this.closed, onReadable);
    let failure: Error | undefined;
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('message', (bytes, source) => {
      this.take({ bytes, source });
    });
    socket.bind({ address, port, exclusive: true });
    if (failure !== undefined) throw failure;
    this.port = socket.address().port;
  }

  private take(datagram: Datagram): void {
    this.statistics.receiveCalls++;
    const { length } = datagram.bytes;
    if (length === 0) return;
    if (this.waitingBytes + length > MAX_WAITING_BYTES) {
      this.statistics.receiveDrops++;
      return;
    }
    this.waiting.push(datagram);
    this.waitingBytes += length;
    this.readiness.changed();
  }

  receive(memory: Uint8Array, start: number, end: number, records: Int32Array, capacity: number): number {
    let at = start;
    let count = 0;
    for (; count < capacity && count < this.waiting.length; count++) {
      const { bytes, source } = this.waiting[count];
      if (at + bytes.length > end) break;
      memory.set(bytes, at);
      writeReceiveRecord(records, count * receiveStride, at, bytes.length, source);
      at += bytes.length;
    }
    this.waiting.splice(0, count);
    this.waitingBytes -= at - start;
    this.statistics.packetsReceived += count;
    return this.closed ? 0 : count;
  }

  /** Seals and sends the packet of the record at `at`. */
  send(memory: Uint8Array, records: Int32Array, at: number, aead: FallbackAead): void {
    if (this.closed) return;
    const length = sealedLength(memory, records, at);
    if (length > MAX_PAYLOAD) {
      throw new RangeError(`descriptors: a packet of ${length} bytes is longer than a datagram can be`);
    }
    // Node.js holds on to it until it is sent.
    const packet = Buffer.allocUnsafe(length);
    aead.seal(memory, records, at, packet);
    const destination = this.destinationOf(records, at);
    // Node.js lets packets be cut into fragments: one that asks what the path takes whole would be misled.
    if ((records[at + Send.flags] & sendFlagMtuProbe) !== 0) this.refused('EMSGSIZE');
    else if (destination === undefined) this.refused('EAFNOSUPPORT');
    else this.sendPacket(packet, records[at + Send.familyPort] & 0xffff, destination);
  }

  private sendPacket(packet: Uint8Array, port: number, address: string): void {
    this.statistics.sendCalls++;
    try {
      this.socket.send(packet, port, address, (error) => {
        if (error === null) this.statistics.packetsSent++;
        else this.refused(codeOf(error));
      });
    } catch {
      // Port 0, which the kernel would refuse too.
      this.refused('EINVAL');
    }
  }

  private destinationOf(records: Int32Array, at: number): string | undefined {
    const family = records[at + Send.familyPort] >> 16;
    if (family !== 4 && (family !== 6 || this.family === 4)) return undefined;
    const literal = literalOf(family, records.subarray(at + Send.address, at + Send.address + 4));
    return family === 4 && this.family === 6 ? `::ffff:${literal}` : literal;
  }

  private refused(code: string): void {
    this.statistics.sendErrors++;
    this.statistics.lastSendError = code;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.readiness.stop();
    this.waiting.length = 0;
    this.waitingBytes = 0;
    this.socket.close();
  }
}

function writeReceiveRecord(
  records: Int32Array,
  at: number,
  offset: number,
  length: number,
  source: RemoteInfo,
): void {
  const [family, ...words] = wordsOf(source.address);
  records[at + Receive.offset] = offset;
  records[at + Receive.length] = length;
  records[at + Receive.familyPort] = (family << 16) | source.port;
  records.set(words, at + Receive.address);
  records[at + Receive.ecn] = 0;
  records[at + Receive.waitedUs] = 0;
}

const udpOf = (handle: NativeHandle): FallbackUdp => checkHandle(handle, FallbackUdp, 'udp');

export const udpFunctions: Pick<
  Binding,
  'udpOpen' | 'udpPort' | 'udpSteer' | 'udpReceive' | 'udpSend' | 'udpStatistics' | 'udpClose'
> = {
  udpOpen(address, port, receiveBufferBytes, sendBufferBytes, mark, reusePort, gso, gro, onReadable) {
    const family = checkLiteral(address, 'address');
    checkInteger(port, 'port', 0, 65_535);
    checkInteger(receiveBufferBytes, 'receiveBufferBytes', 0, INT32_MAX);
    checkInteger(sendBufferBytes, 'sendBufferBytes', 0, INT32_MAX);
    if (checkInteger(mark, 'mark', 0, 2 ** 32 - 1) !== 0) throw notSupported('a mark on packets');
    if (checkBoolean(reusePort, 'reusePort')) throw notSupported('a port that several sockets share');
    checkBoolean(gso, 'gso');
    checkBoolean(gro, 'gro');
    checkFunction(onReadable, 'onReadable');
    const socket = openSocket(family, receiveBufferBytes, sendBufferBytes);
    try {
      return new FallbackUdp(socket, family, address, port, onReadable) as unknown as NativeHandle;
    } catch (error) {
      socket.close();
      throw error;
    }
  },

  udpPort: (handle) => udpOf(handle).port,

  udpSteer(handle, plan, fields) {
    udpOf(handle);
    checkInts(plan, 'plan');
    checkInts(fields, 'fields');
    throw notSupported('a port that several sockets share');
  },

  udpReceive(handle, memory, regionOffset, regionLength, descriptors, capacity) {
    const udp = udpOf(handle);
    checkBytes(memory, 'memory');
    checkInteger(regionOffset, 'regionOffset', 0, INT32_MAX);
    checkInteger(regionLength, 'regionLength', LEAST_REGION_BYTES, INT32_MAX);
    checkRange('region', regionOffset, regionLength, memory.length);
    checkInts(descriptors, 'descriptors');
    checkInteger(capacity, 'capacity', LEAST_RECORDS, Math.floor(descriptors.length / receiveStride));
    return udp.receive(memory, regionOffset, regionOffset + regionLength, descriptors, capacity);
  },

  udpSend(handle, memory, descriptors, count, crypto) {
    const udp = udpOf(handle);
    checkBytes(memory, 'memory');
    checkInts(descriptors, 'descriptors');
    checkInteger(count, 'count', 0, Math.floor(descriptors.length / sendStride));
    const aead = aeadOf(crypto, 'crypto');
    for (let i = 0; i < count; i++) udp.send(memory, descriptors, i * sendStride, aead);
  },

  udpStatistics: (handle) => ({ ...udpOf(handle).statistics }),

  udpClose(handle) {
    udpOf(handle).close();
  },
};
