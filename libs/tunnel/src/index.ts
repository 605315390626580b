export {
  Endpoint,
  type EndpointOptions,
  type HandedOverTunnel,
  type IndexHalf,
  type StreamOptions,
} from './endpoint.js';
export type { Environment } from './environment.js';
export { NodePrimitives, type NoisePrimitives } from './handshake/index.js';
export {
  formatAddress,
  packAddress,
  Receive,
  RECEIVE_STRIDE,
  Send,
  SEND_STRIDE,
  type CipherSuite,
  type PackedAddress,
  type PacketCrypto,
} from './io.js';
export { DOUBLE_ZERO } from './memory/double-field.js';
export { MAX_OPEN_PAYLOAD, MAX_POLL_PACKETS } from './params.js';
export { RECEIVER_INDEX_FIELDS, type ShardOptions } from './shards.js';
export type { PathMemory, RememberedRate } from './path/path-memory.js';
export type { Profile } from './congestion/controller.js';
export type { TunnelStats } from './stats.js';
export { DEFAULT_CLASS_WEIGHTS, type ClassWeights } from './streams/scheduler.js';
export { Stream, type TrafficClass } from './streams/stream.js';
export type { StreamEvents, TunnelEvents } from './events.js';
export { StreamAbortCode } from './streams/abort-code.js';
export type { PeerOptions } from './tunnel/tunnel.js';
