import * as native from '@longhaul/native';
import type { BlockCompressor } from './compressor.js';
import { BlockDecoder, type BlockSink } from './decoder.js';
import { BlockEncoder, encodedBound, type BlockEncoderOptions } from './encoder.js';

/** What the specs of this package share: the real addon, seeded data and a sink that gathers. */

export const compressor: BlockCompressor = native;

/** A 32-bit integer of uniform distribution from each call (xorshift32, Marsaglia 2003). */
export function seededIntegers(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

export function randomBytes(length: number, seed: number): Uint8Array {
  const next = seededIntegers(seed);
  return Uint8Array.from({ length }, () => next() >>> 24);
}

const WORDS =
  'the link of a site carries bytes packets streams blocks and windows over loss delay to peers'.split(' ');

export function textBytes(length: number, seed: number): Uint8Array {
  const next = seededIntegers(seed);
  let text = '';
  while (text.length < length) text += `${WORDS[next() % WORDS.length] ?? ''} ${next() % 1000} `;
  return new TextEncoder().encode(text.slice(0, length));
}

/** Random bytes, text and zeros in pieces of random length. */
export function mixedBytes(length: number, seed: number): Uint8Array {
  const next = seededIntegers(seed);
  const bytes = new Uint8Array(length);
  for (let offset = 0; offset < length;) {
    const pieceLength = Math.min(length - offset, 1 + (next() % 50_000));
    const kind = next() % 3;
    if (kind === 0) bytes.set(randomBytes(pieceLength, next()), offset);
    if (kind === 1) bytes.set(textBytes(pieceLength, next()), offset);
    offset += pieceLength;
  }
  return bytes;
}

/** All of `source` through an encoder, `chunkLength` bytes a call. */
export function encodeAll(encoder: BlockEncoder, source: Uint8Array, chunkLength: number): Uint8Array {
  const out = new Uint8Array(encodedBound(chunkLength));
  const parts: Uint8Array[] = [];
  for (let start = 0; start < source.length; start += chunkLength) {
    const written = encoder.encode(source, start, Math.min(source.length, start + chunkLength), out);
    parts.push(out.slice(0, written));
  }
  return new Uint8Array(Buffer.concat(parts));
}

export function createEncoder(options: Partial<BlockEncoderOptions> = {}): BlockEncoder {
  return new BlockEncoder(compressor, { mode: 'auto', ...options });
}

/** Keeps a copy of everything that is delivered. */
export class GatheringSink implements BlockSink {
  readonly parts: Uint8Array[] = [];
  span = new Uint8Array(0);
  /** Buffers that {@link acquire} may still hand out. */
  budget = Infinity;
  private readonly buffer = new Uint8Array(256 * 1024);

  raw(start: number, end: number): void {
    this.parts.push(this.span.slice(start, end));
  }

  acquire(): Uint8Array | undefined {
    if (this.budget === 0) return undefined;
    this.budget--;
    return this.buffer;
  }

  decoded(buffer: Uint8Array, length: number): void {
    this.parts.push(buffer.slice(0, length));
  }

  get bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.parts));
  }
}

/** All of `stream` through a decoder, cut into pieces whose lengths `nextLength` gives. */
export function decodeAll(
  stream: Uint8Array,
  nextLength: () => number,
  decoder = new BlockDecoder(compressor),
): Uint8Array {
  const sink = new GatheringSink();
  for (let start = 0; start < stream.length;) {
    const length = Math.min(stream.length - start, nextLength());
    sink.span = stream.slice(start, start + length);
    const stopped = decoder.push(sink.span, 0, length, sink);
    if (stopped !== length) throw new Error(`stopped at ${stopped} of ${length}`);
    start += length;
  }
  decoder.finish();
  return sink.bytes;
}
