export type { DescriptorLayout, SocketAddress, UdpStatistics } from './binding.js';
export { lz4Compress, lz4Decompress, zstdCompress, zstdDecompress } from './block-compressor.js';
export { fallbackNotice, type FallbackNotice } from './implementation.js';
export { descriptorLayout, features, type NativeFeatures } from './features.js';
export { allocateSlab, nowMicroseconds } from './memory.js';
export { NativePacketCrypto, type CipherSuite } from './packet-crypto.js';
export { TcpListener, type TcpListenerOptions } from './tcp-listener.js';
export { TcpSocket, type TcpConnectOptions, type TcpEvents, type TcpSocketOptions } from './tcp-socket.js';
export { Timer } from './timer.js';
export {
  UdpSocket,
  type SocketSpan,
  type SteeredField,
  type SteeringPlan,
  type UdpSocketOptions,
} from './udp-socket.js';
