export type { BlockCompressor } from './compressor.js';
export { BlockDecoder, type BlockSink } from './decoder.js';
export {
  BlockEncoder,
  encodedBound,
  type BlockEncoderOptions,
  type BlockStatistics,
  type ChooseCodec,
  type CodecChoice,
} from './encoder.js';
export { BlockFormatError, MAX_BLOCK_BYTES, type BlockErrorCode, type Codec } from './format.js';
