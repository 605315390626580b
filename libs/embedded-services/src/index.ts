export { ServiceError, type ServiceErrorCode } from './errors.js';
export { installDir, SYSTEM_DIR } from './install-dir.js';
export { choosePort, freePort, freeUdpPort } from './ports.js';
export { BoundProcess, type BoundProcessOptions, type ProcessExit } from './bound-process.js';
export { startPostgres, type PostgresOptions, type RunningPostgres } from './postgres/postgres.js';
export { ROLES } from './postgres/credentials.js';
export { startNats, type NatsOptions, type RunningNats } from './nats/nats.js';
