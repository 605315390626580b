import type { Logger as PinoLogger } from 'pino';

/** What the control side needs of a logger. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error'>;
