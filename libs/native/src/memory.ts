import { binding } from './implementation.js';

/**
 * Memory outside the JavaScript heap that the kernel backs page by page as it is touched, zeroed.
 * @param bytes 4,096 to 2^31 - 1
 */
export function allocateSlab(bytes: number): Uint8Array {
  return new Uint8Array(binding.allocateSlab(bytes));
}

/** Microseconds on CLOCK_MONOTONIC, with fractions. */
export function nowMicroseconds(): number {
  return binding.nowMicroseconds();
}
