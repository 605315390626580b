import { addSource, BLOCK_SPAN, MAX_REPAIRS, MAX_SOURCES, solve, SYMBOL_BYTES } from './repair-code.js';

/** Packets that are kept: two spans, so that a block and one that is late find theirs. */
const KEPT = 2 * BLOCK_SPAN;
/** Repair symbols that wait for more of their block, in all. */
const MAX_WAITING = 2 * MAX_REPAIRS;

interface RepairSymbol {
  readonly first: number;
  readonly mask: number;
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** A packet's frames that were rebuilt. */
export interface RecoveredPacket {
  readonly number: number;
  readonly frames: Uint8Array;
}

/** Rebuilds lost packets from those that came and repair symbols. It takes memory from the first protected packet on: 160 KiB. */
export class RepairReceiver {
  packetsRecovered = 0;
  private numbers = new Float64Array(0);
  private symbols = new Uint8Array(0);
  private waiting: RepairSymbol[] = [];

  /** Keeps the frames of a packet that may be part of a block: `length` bytes at `at`. */
  keep(number: number, memory: Uint8Array, at: number, length: number): void {
    if (length + 2 > SYMBOL_BYTES) return;
    if (this.numbers.length === 0) {
      this.numbers = new Float64Array(KEPT).fill(-1);
      this.symbols = new Uint8Array(KEPT * SYMBOL_BYTES);
    }
    const slot = number % KEPT;
    const to = slot * SYMBOL_BYTES;
    this.numbers[slot] = number;
    this.symbols[to] = length >>> 8;
    this.symbols[to + 1] = length;
    this.symbols.set(memory.subarray(at, at + length), to + 2);
    this.symbols.fill(0, to + 2 + length, to + SYMBOL_BYTES);
  }

  /** Takes a repair symbol; gives what can be rebuilt by it. */
  onRepair(first: number, mask: number, index: number, bytes: Uint8Array): readonly RecoveredPacket[] {
    const block = this.waiting.filter((symbol) => symbol.first === first && symbol.mask === mask);
    if (this.numbers.length === 0 || block.some((symbol) => symbol.index === index)) return [];
    this.waiting.push({ first, mask, index, bytes: bytes.slice() });
    if (this.waiting.length > MAX_WAITING) this.waiting.shift();
    return this.rebuild(first, mask);
  }

  /** A protected packet came late: gives what can be rebuilt now that it is there. */
  onKept(): readonly RecoveredPacket[] {
    for (const { first, mask } of this.waiting) {
      const recovered = this.rebuild(first, mask);
      if (recovered.length > 0) return recovered;
    }
    return [];
  }

  /** Whether there are repair symbols that a late packet may make useful. */
  get waits(): boolean {
    return this.waiting.length > 0;
  }

  private rebuild(first: number, mask: number): readonly RecoveredPacket[] {
    const block = this.waiting.filter((symbol) => symbol.first === first && symbol.mask === mask);
    const numbers = sourcesOf(first, mask);
    const missing = numbers.flatMap((number, i) => (this.numbers[number % KEPT] === number ? [] : [i]));
    if (missing.length > block.length) return [];
    this.waiting = this.waiting.filter((symbol) => !block.includes(symbol));
    return missing.length === 0 ? [] : this.restore(numbers, missing, block.slice(0, missing.length));
  }

  private restore(
    numbers: readonly number[],
    missing: readonly number[],
    block: readonly RepairSymbol[],
  ): readonly RecoveredPacket[] {
    const { length } = block[0].bytes;
    if (block.some(({ bytes }) => bytes.length !== length)) return [];
    const equations = block.map(({ index, bytes }) => ({ repair: index, rest: bytes }));
    numbers.forEach((number, i) => {
      if (missing.includes(i)) return;
      const at = (number % KEPT) * SYMBOL_BYTES;
      for (const { repair, rest } of equations) addSource(rest, 0, repair, this.symbols, at, length, i);
    });
    solve(equations, missing, length);
    return missing.flatMap((position, i) => this.recovered(numbers[position], equations[i].rest));
  }

  /** A symbol that does not hold together is dropped: it will be sent again. */
  private recovered(number: number, symbol: Uint8Array): RecoveredPacket[] {
    const length = (symbol[0] << 8) | symbol[1];
    if (length === 0 || length + 2 > symbol.length) return [];
    const frames = symbol.subarray(2, 2 + length);
    this.keep(number, frames, 0, length);
    this.packetsRecovered++;
    return [{ number, frames }];
  }
}

function sourcesOf(first: number, mask: number): number[] {
  const numbers: number[] = [];
  for (let bit = 0; bit < BLOCK_SPAN; bit++) if ((mask & (1 << bit)) !== 0) numbers.push(first + bit);
  return numbers;
}

/** Whether the fields of a REPAIR frame can be those of a block. */
export function isBlock(mask: number, index: number, symbolLength: number): boolean {
  let sources = 0;
  for (let bits = mask; bits !== 0; bits &= bits - 1) sources++;
  return (
    (mask & 1) === 1 &&
    sources <= MAX_SOURCES &&
    index < MAX_REPAIRS &&
    symbolLength > 2 &&
    symbolLength <= SYMBOL_BYTES
  );
}
