import {
  MAX_BLOCK_BYTES,
  type BlockEncoderOptions,
  type ChooseCodec,
  type CodecChoice,
} from '@longhaul/block-codec';
import { features } from '@longhaul/native';
import type { Compression } from './policy/state.js';

const LZ4: CodecChoice = { codec: 'lz4' };
const ZSTD_FAST: CodecChoice = { codec: 'zstd', level: 1 };
const ZSTD: CodecChoice = { codec: 'zstd', level: 3 };

/** Unsent bytes of a stream that show the link, not the application or this CPU, to be its bottleneck. */
const BACKLOG_BYTES = MAX_BLOCK_BYTES / 2;
/**
 * Links of at most so many bytes per second of encoded data leave a core time for the codec: at a ratio of 3 zstd's
 * level 3 makes some 50 MB/s of them from 150 MB/s raw, level 1 twice that. Half is left for everything else.
 */
const ZSTD_LINK_BYTES_PER_SECOND = 18e6;
const ZSTD_FAST_LINK_BYTES_PER_SECOND = 40e6;

/**
 * The codec by whichever of link and CPU is the bottleneck now: LZ4 as long as the link takes what comes, zstd on a slow
 * link that has a queue. LZ4 alone where there is no zstd.
 */
export function codecForLink(backlogBytes: () => number, linkBytesPerSecond: () => number): ChooseCodec {
  if (!features.zstdCompression) return () => LZ4;
  return () => {
    if (backlogBytes() < BACKLOG_BYTES) return LZ4;
    const rate = linkBytesPerSecond();
    if (rate <= 0 || rate > ZSTD_FAST_LINK_BYTES_PER_SECOND) return LZ4;
    return rate > ZSTD_LINK_BYTES_PER_SECOND ? ZSTD_FAST : ZSTD;
  };
}

/** The encoder's mode for what policy asks; the strongest there is, is LZ4 where there is no zstd. */
export function encoderMode(compression: Compression): BlockEncoderOptions['mode'] {
  return compression === 'strongest' && !features.zstdCompression ? 'auto' : compression;
}
