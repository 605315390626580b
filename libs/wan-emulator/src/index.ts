export { type CrowdOptions, type CrowdResult, runCrowd } from './crowd.js';
export {
  type Direction,
  type DirectionParameters,
  type DirectionStatistics,
  type EmulatorFeatures,
  type EmulatorOptions,
  type EmulatorStatistics,
  WanEmulator,
} from './emulator.js';
export {
  findLink,
  goodputLimitMbps,
  type Link,
  type LinkFile,
  loadLinks,
  MTU_BYTES,
  parseLink,
  queueBytes,
  TUNNEL_HEADER_BYTES,
} from './links.js';
export {
  type EmulatedPath,
  type LinkMeasurement,
  linkMeasurementSchema,
  measureEmulator,
} from './measure.js';
export { type ExecOptions, NetworkNamespace, runTool } from './namespace.js';
export {
  flood,
  type FloodOptions,
  type FloodResult,
  type Pattern,
  ping,
  type PingOptions,
  type PingResult,
  runStream,
  type SinkResult,
  type SourceResult,
  type StreamOptions,
  type StreamResult,
  warmMemory,
} from './traffic.js';
export { type ExchangeOptions, type ExchangesResult, runExchange, runRequests } from './requests.js';
export type { Site } from './traffic-program.js';
