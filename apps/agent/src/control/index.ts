export { AgentApi } from './agent-api.js';
export { loadEnrollment, type StoredEnrollment } from './credential-store.js';
export {
  DEFAULT_TUNNEL_PORT,
  enrollAgent,
  ownAddresses,
  type Enrollment,
  type EnrollOptions,
} from './enroll.js';
export {
  EnrolledStateSource,
  type ControlStatus,
  type EnrolledStateSourceOptions,
} from './enrolled-state-source.js';
export {
  AgentApiError,
  ControlError,
  ControllerUnreachableError,
  PinMismatchError,
  StateRefusedError,
} from './errors.js';
export { parseControllerUrl, postJson, unreachable, type HttpAnswer } from './https.js';
export { loadIdentity, type AgentIdentity } from './identity.js';
export type { Logger } from './logger.js';
export { fetchPinnedCa, parseFingerprint } from './pinned-ca.js';
export type { StateTarget } from './reconciler.js';
export { TelemetryUplink, type TelemetryStatistics } from './telemetry/uplink.js';
