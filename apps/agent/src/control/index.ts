export { DEFAULT_TUNNEL_PORT, enrollAgent, type Enrollment, type EnrollOptions } from './enroll.js';
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
export { parseControllerUrl, postFile, postJson, unreachable, type HttpAnswer } from './https.js';
export { fetchPinnedCa, parseFingerprint } from './pinned-ca.js';
