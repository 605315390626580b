import { addMultiple, inverse, multiply, scale } from './galois-field.js';

/*
 * A systematic Cauchy Reed-Solomon code over GF(2^8) (Blömer et al., "An XOR-Based Erasure-Resilient Coding Scheme", ICSI
 * TR-95-048): every square part of a Cauchy matrix can be inverted, so any m repair symbols restore any m sources.
 *
 * A source symbol is the length of a packet's frames (2 bytes) and the frames, filled up with zeros.
 */

/** Packets that are repaired together. */
export const MAX_SOURCES = 16;
/** Repair symbols for one block. */
export const MAX_REPAIRS = 4;
/** Longest symbol, its length included. */
export const SYMBOL_BYTES = 2048;
/** Numbers of a block's packets lie so close together: a mask of 32 bits says which they are. */
export const BLOCK_SPAN = 32;

/** x = the repair's index, y = the source's position behind all indices; 1 / (x + y). */
function coefficient(repair: number, source: number): number {
  return inverse(repair ^ (MAX_REPAIRS + source));
}

/** Adds source symbol `position` of a block to its repair symbol `repair`, or takes it out again. */
export function addSource(
  target: Uint8Array,
  to: number,
  repair: number,
  symbols: Uint8Array,
  from: number,
  length: number,
  position: number,
): void {
  addMultiple(target, to, symbols, from, length, coefficient(repair, position));
}

/** One equation: what is left of a repair symbol when all known sources are taken out of it. */
export interface Equation {
  readonly repair: number;
  readonly rest: Uint8Array;
}

/** Turns as many equations as there are missing positions into the missing symbols, in place and in their order. */
export function solve(equations: readonly Equation[], missing: readonly number[], length: number): void {
  const matrix = equations.map(({ repair }) => missing.map((position) => coefficient(repair, position)));
  for (let pivot = 0; pivot < missing.length; pivot++) {
    // No pivot of a Cauchy matrix is ever 0: its leading minors are Cauchy matrices themselves.
    const factor = inverse(matrix[pivot][pivot]);
    matrix[pivot] = matrix[pivot].map((value) => multiply(value, factor));
    scale(equations[pivot].rest, 0, length, factor);
    for (let other = 0; other < missing.length; other++) {
      const times = matrix[other][pivot];
      if (other === pivot || times === 0) continue;
      matrix[other] = matrix[other].map((value, i) => value ^ multiply(times, matrix[pivot][i]));
      addMultiple(equations[other].rest, 0, equations[pivot].rest, 0, length, times);
    }
  }
}
