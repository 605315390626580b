import type { TrafficClass } from '@longhaul/tunnel';
import { parseIp, type IpAddress, type SocketAddress } from '../policy/addresses.js';
import type { Compression } from '../policy/state.js';

/*
 * What the open of a stream says, version 1; integers are big-endian. Bytes behind the last field are for versions to
 * come and are skipped.
 *
 *   version (1) = 1
 *   flags (1)           bit 0: the source is IPv6, bit 1: the destination is
 *   class (1)           0 interactive, 1 bulk, 2 scavenger
 *   weight (1)          1 to 100
 *   compression (1)     what the answering direction should use: 0 auto, 1 off, 2 strongest
 *   flow id (16)        the same in the records of both agents
 *   source (4 or 16), source port (2)
 *   destination (4 or 16), destination port (2)
 */

const VERSION = 1;
const FLAG_SOURCE_IPV6 = 1;
const FLAG_DESTINATION_IPV6 = 2;
const FIXED_BYTES = 21;
const CLASSES = ['interactive', 'bulk', 'scavenger'] as const satisfies readonly TrafficClass[];
const COMPRESSIONS = ['auto', 'off', 'strongest'] as const satisfies readonly Compression[];

/** The connection that a stream stands for. */
export interface StreamOpen {
  /** UUID in lower case. */
  readonly flowId: string;
  readonly source: SocketAddress;
  readonly destination: SocketAddress;
  readonly class: TrafficClass;
  readonly weight: number;
  readonly compression: Compression;
}

/** An open that this version cannot read. */
export class OpenFormatError extends Error {
  constructor(problem: string) {
    super(`malformed open: ${problem}`);
    this.name = 'OpenFormatError';
  }
}

export function encodeOpen(open: StreamOpen): Uint8Array {
  const source = parseIp(open.source.address);
  const destination = parseIp(open.destination.address);
  const length = FIXED_BYTES + addressBytes(source) + 2 + addressBytes(destination) + 2;
  const view = new DataView(new ArrayBuffer(length));
  view.setUint8(0, VERSION);
  view.setUint8(
    1,
    (source.family === 6 ? FLAG_SOURCE_IPV6 : 0) | (destination.family === 6 ? FLAG_DESTINATION_IPV6 : 0),
  );
  view.setUint8(2, CLASSES.indexOf(open.class));
  view.setUint8(3, open.weight);
  view.setUint8(4, COMPRESSIONS.indexOf(open.compression));
  const hex = open.flowId.replaceAll('-', '');
  for (let i = 0; i < 16; i++) view.setUint8(5 + i, parseInt(hex.slice(2 * i, 2 * i + 2), 16));
  const next = writeAddress(view, FIXED_BYTES, source, open.source.port);
  writeAddress(view, next, destination, open.destination.port);
  return new Uint8Array(view.buffer);
}

/** @throws OpenFormatError if it is not an open of a version that is known */
export function decodeOpen(payload: Uint8Array): StreamOpen {
  if (payload[0] !== VERSION)
    throw new OpenFormatError(`version ${payload[0] ?? 'missing'} is not ${VERSION}`);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const flags = payload[1] ?? 0;
  const sourceFamily = (flags & FLAG_SOURCE_IPV6) !== 0 ? 6 : 4;
  const destinationFamily = (flags & FLAG_DESTINATION_IPV6) !== 0 ? 6 : 4;
  const destinationAt = FIXED_BYTES + (sourceFamily === 6 ? 18 : 6);
  if (payload.length < destinationAt + (destinationFamily === 6 ? 18 : 6))
    throw new OpenFormatError('it is cut short');
  const trafficClass = CLASSES[payload[2] ?? -1];
  const compression = COMPRESSIONS[payload[4] ?? -1];
  const weight = payload[3] ?? 0;
  if (trafficClass === undefined || compression === undefined || weight < 1 || weight > 100)
    throw new OpenFormatError('class, weight or compression is out of range');
  return {
    flowId: readUuid(payload.subarray(5, FIXED_BYTES)),
    source: readAddress(view, FIXED_BYTES, sourceFamily),
    destination: readAddress(view, destinationAt, destinationFamily),
    class: trafficClass,
    weight,
    compression,
  };
}

function addressBytes({ family }: IpAddress): number {
  return family === 4 ? 4 : 16;
}

function writeAddress(view: DataView, at: number, address: IpAddress, port: number): number {
  const words = addressBytes(address) / 4;
  for (let word = 0; word < words; word++) view.setInt32(at + 4 * word, address.words[word]);
  view.setUint16(at + 4 * words, port);
  return at + 4 * words + 2;
}

function readAddress(view: DataView, at: number, family: 4 | 6): SocketAddress {
  if (family === 4) {
    const octets = [0, 1, 2, 3].map((index) => view.getUint8(at + index));
    return { address: octets.join('.'), port: view.getUint16(at + 4) };
  }
  const groups = [0, 1, 2, 3, 4, 5, 6, 7].map((index) => view.getUint16(at + 2 * index).toString(16));
  return { address: groups.join(':'), port: view.getUint16(at + 16) };
}

function readUuid(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
