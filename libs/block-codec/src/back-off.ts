/** Blocks in a row that fail the 80 % rule before a stream stops trying. */
export const FAILURES_BEFORE_PAUSE = 4;
/** Blocks that then pass unencoded before one is tried again: 1 MiB of blocks of 64 KiB. */
export const FIRST_PAUSE_BLOCKS = 16;
/**
 * The pause doubles with each failure up to this; 16 MiB of blocks of 64 KiB, so that a new file in the
 * stream is noticed soon.
 */
export const LONGEST_PAUSE_BLOCKS = 256;

/** Decides when a stream that does not compress is tried again, so that it costs no CPU in the meantime. */
export class CompressionBackOff {
  private failuresInARow = 0;
  private pauseBlocks = FIRST_PAUSE_BLOCKS;
  private blocksToSkip = 0;

  /** Whether to try the next block; counts it as passed where not. */
  shouldTry(): boolean {
    if (this.blocksToSkip === 0) return true;
    this.blocksToSkip--;
    return false;
  }

  succeeded(): void {
    this.failuresInARow = 0;
    this.pauseBlocks = FIRST_PAUSE_BLOCKS;
  }

  failed(): void {
    this.failuresInARow++;
    if (this.failuresInARow < FAILURES_BEFORE_PAUSE) return;
    this.blocksToSkip = this.pauseBlocks;
    this.pauseBlocks = Math.min(2 * this.pauseBlocks, LONGEST_PAUSE_BLOCKS);
  }
}
