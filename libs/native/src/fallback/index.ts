import type { Binding } from '../binding.js';
import { aeadFunctions } from './aead.js';
import { compressFunctions } from './compress.js';
import { descriptorLayout } from './layout.js';
import { allocateSlab, nowMicroseconds } from './memory.js';
import { tcpListenerFunctions } from './tcp-listener.js';
import { tcpSocketFunctions } from './tcp-socket.js';
import { timerFunctions } from './timer.js';
import { udpFunctions } from './udp.js';
import { canCompressZstd } from './zstd.js';

/** The border on Node.js alone, for machines where the addon cannot be built or loaded. */
export const fallback: Binding = {
  capabilities: {
    marks: false,
    interception: false,
    reusePort: false,
    tcpTuning: false,
    idleResets: false,
    kernelQueues: false,
    datagramMarks: false,
    mtuProbes: false,
    zstdCompression: canCompressZstd,
  },
  gso: false,
  gro: false,
  steering: false,
  opensslVersion: `OpenSSL ${process.versions.openssl}`,
  lz4Version: 'lz4-wasm-nodejs',
  zstdVersion: canCompressZstd ? 'node:zlib' : 'fzstd, decompression only',
  descriptorLayout,
  allocateSlab,
  nowMicroseconds,
  ...aeadFunctions,
  ...timerFunctions,
  ...udpFunctions,
  ...tcpListenerFunctions,
  ...tcpSocketFunctions,
  ...compressFunctions,
};
