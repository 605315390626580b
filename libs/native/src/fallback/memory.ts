import { checkInteger, INT32_MAX } from './arguments.js';

const LEAST_BYTES = 4096;

/** Node.js takes large zeroed memory from the kernel, which backs it as it is touched. */
export function allocateSlab(bytes: number): ArrayBuffer {
  return new ArrayBuffer(checkInteger(bytes, 'bytes', LEAST_BYTES, INT32_MAX));
}

export function nowMicroseconds(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1e3;
}
