export { agentCommand } from './commands.js';
export {
  AgentApiError,
  ControlError,
  ControllerUnreachableError,
  EnrolledStateSource,
  enrollAgent,
  fetchPinnedCa,
  parseControllerUrl,
  parseFingerprint,
  postFile,
  postJson,
  unreachable,
  type ControlStatus,
  type Enrollment,
  type EnrollOptions,
  type HttpAnswer,
} from './control/index.js';
export { AgentError, codeOf, messageOf } from './errors.js';
export { generateKeyPair, publicKeyOf, type EncodedKeyPair } from './keys.js';
export { Agent, runAgent, type RunOptions } from './run-agent.js';
export type { ApplyState, StateSource, WantedPeer, WantedState } from './state-source.js';
export { loadStaticConfig } from './static-config/load.js';
export { StaticStateSource } from './static-config/static-state-source.js';
export { AGENT_VERSION } from './version.js';
export { agentStatus, type StatusOptions } from './status/agent-status.js';
export type { AgentReport, TunnelReport } from './status/report.js';
export { formatReport } from './status/table.js';
