import { encodedBound, MAX_BLOCK_BYTES, type BlockCompressor } from '@longhaul/block-codec';

/** Buffers that all connections of a data plane use in turn: none holds bytes between two turns. */
export class WorkSpace {
  /** A socket is read into it. */
  readonly read = new Uint8Array(MAX_BLOCK_BYTES);
  /** Blocks are encoded into it. */
  readonly encoded = new Uint8Array(encodedBound(MAX_BLOCK_BYTES));
  /** Blocks are decoded into it. */
  readonly decoded = new Uint8Array(MAX_BLOCK_BYTES);

  constructor(
    /** The slab that streams lie in. */
    readonly memory: Uint8Array,
    readonly compressor: BlockCompressor,
  ) {}
}
