export { LabNetwork, type LabNetworkOptions, SITE_ADDRESSES, type SiteName } from './network/lab-network.js';
export { checkRequirements, LabRequirementError } from './network/requirements.js';
export { runTransfer, type TransferOptions } from './runs/run-transfer.js';
export { type TransferResult, type Transport, TRANSPORTS } from './runs/transfer-result.js';
export { VoidRunError } from './runs/void-run.js';
export { AgentPair, type AgentPairOptions } from './transports/agent-pair.js';
export { prepareWorkload, type Workload, type WorkloadOptions } from './workloads/workload.js';
