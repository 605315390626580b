/** Issues agents' credentials without a running controller, with the keys of its state folder. */
export { AgentCredentials, type AgentCredential } from './agent-credentials.js';
export { openNatsOperator } from './operator.js';
