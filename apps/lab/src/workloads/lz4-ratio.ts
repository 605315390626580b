import { lz4Compress } from '@longhaul/native';

const BLOCK_BYTES = 64 * 1024;

/** Adds up what LZ4 makes of data in blocks of 64 KiB, a block that does not shrink counted as it is. */
export class Lz4Ratio {
  private readonly target = new Uint8Array(BLOCK_BYTES);
  private rawBytes = 0;
  private encodedBytes = 0;

  add(data: Uint8Array): void {
    for (let at = 0; at < data.length; at += BLOCK_BYTES) {
      const length = Math.min(BLOCK_BYTES, data.length - at);
      const encoded = lz4Compress(data, at, length, this.target, 0, length - 1);
      this.rawBytes += length;
      this.encodedBytes += encoded === 0 ? length : encoded;
    }
  }

  /** Raw bytes over encoded bytes. */
  get value(): number {
    return this.encodedBytes === 0 ? 1 : this.rawBytes / this.encodedBytes;
  }
}
