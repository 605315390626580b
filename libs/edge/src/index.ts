export {
  DataPlane,
  DEFAULT_MEMORY_BYTES,
  type DataPlaneEvents,
  type DataPlaneOptions,
  type Placement,
  type PreparedState,
} from './data-plane.js';
export { Handover, type HandedOverPeer, type Predecessor } from './handover.js';
export { Redirection, type RedirectionChange } from './interception/redirection.js';
export { rehearse } from './rehearsal.js';
export { LIMIT_BYTES } from './rate-limit/rate-limits.js';
export { AGENT_MARK } from './sockets.js';
export type { FlowEnd, FlowIdentity, FlowRecord, PeerBytes } from './connection/flow.js';
export type { DataPlaneStatistics, LinkStatistics } from './statistics.js';
export { formatSocketAddress, type SocketAddress } from './policy/addresses.js';
export {
  rateLimits,
  StateError,
  validateState,
  type AllowRule,
  type Compression,
  type DataPlaneState,
  type FlowRule,
  type FlowSelector,
  type ForwardState,
  type PortRange,
  type Treatment,
  type WhenPeerDown,
} from './policy/state.js';
