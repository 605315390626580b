import { type MemoryPage, PAGE_BYTES } from './page.js';
import { type SeededRandom, ZipfTable } from './seeded-random.js';

/** Fills a page with one kind of content. */
export type Fill = (page: MemoryPage) => void;

/** Bytes that no codec can shrink. */
export function randomFill(random: SeededRandom): Fill {
  return ({ words }) => {
    for (let i = 0; i < words.length; i++) words[i] = random.uint32();
  };
}

/** Byte strings in one array, copied out by number. */
class Vocabulary {
  private readonly bytes: Uint8Array;
  private readonly starts: Uint32Array;

  constructor(entries: readonly Uint8Array[]) {
    this.bytes = Buffer.concat(entries);
    this.starts = new Uint32Array(entries.length + 1);
    entries.forEach((entry, i) => {
      this.starts[i + 1] = (this.starts[i] ?? 0) + entry.length;
    });
  }

  /** Copies as much as fits before the end of the page; returns where it ends. */
  copy(index: number, target: Uint8Array, at: number): number {
    const { bytes, starts } = this;
    const end = starts[index + 1] ?? 0;
    for (let from = starts[index] ?? 0; from < end && at < PAGE_BYTES; from++)
      target[at++] = bytes[from] ?? 0;
    return at;
  }
}

const SYLLABLES =
  'a an ar ba be con cor de di el en er es ex for ge hi i in is ka la le lo ma me mi ne no o of on or pa per po pro ra re ri ro sa se si so sta su ta te ter ti to tra u un va ver vi vo we'.split(
    ' ',
  );

function inventWord(random: SeededRandom, mostSyllables: number): string {
  let text = '';
  for (let i = 1 + random.below(mostSyllables); i > 0; i--)
    text += SYLLABLES[random.below(SYLLABLES.length)] ?? '';
  return `${text} `;
}

const FULL_STOP = 0x2e;
const NEWLINE = 0x0a;
const SPACE = 0x20;

/** Prose: words of a seeded vocabulary with the frequencies of a language, in sentences and paragraphs. */
export function textFill(random: SeededRandom): Fill {
  const zipf = new ZipfTable(5_000);
  // Frequent words are short, as in any language.
  const invented = Array.from({ length: zipf.size }, (_, i) => inventWord(random, i < 200 ? 2 : 4));
  const words = new Vocabulary(invented.map((text) => Buffer.from(text, 'latin1')));
  return ({ bytes }) => {
    let at = 0;
    while (at < PAGE_BYTES) {
      for (let left = 6 + random.below(16); left > 0; left--) at = words.copy(zipf.draw(random), bytes, at);
      bytes[at - 1] = FULL_STOP;
      if (at < PAGE_BYTES) bytes[at++] = random.below(6) === 0 ? NEWLINE : SPACE;
    }
  };
}

/** Machine code: instructions and short idioms that recur, with operands that mostly do not. */
export function codeFill(random: SeededRandom): Fill {
  const zipf = new ZipfTable(3_000);
  const idioms = new Vocabulary(
    Array.from({ length: zipf.size }, () =>
      Uint8Array.from({ length: 3 + random.below(9) }, () => random.uint32()),
    ),
  );
  return ({ bytes }) => {
    let at = 0;
    while (at < PAGE_BYTES) {
      at = idioms.copy(zipf.draw(random), bytes, at);
      if (random.below(6) !== 0 || at + 4 > PAGE_BYTES) continue;
      const displacement = (random.uint32() | 0) >> (12 + random.below(16));
      for (let shift = 0; shift < 32; shift += 8) bytes[at++] = displacement >> shift;
    }
  };
}

const RECORD_WORDS = [8, 12, 16, 24, 32];
const TYPES = 400;

/** Heap: records with a type, pointers into an arena, small counts, and many fields unused. */
export function heapFill(random: SeededRandom): Fill {
  const types = Uint32Array.from({ length: TYPES }, () => random.uint32() & 0x00ff_fff0);
  return ({ words }) => {
    words.fill(0);
    const arena = random.below(0x4000) << 16;
    let at = 0;
    while (at + 32 <= words.length) {
      const length = RECORD_WORDS[random.below(RECORD_WORDS.length)] ?? 16;
      const type = types[random.below(20) * random.below(20)] ?? 0;
      // Records of one type lie together, as an allocator of size classes places them.
      for (let n = 8 + random.below(32); n > 0 && at + length <= words.length; n--, at += length) {
        fillRecord(words, at, length, type, arena, random);
      }
    }
  };
}

const UPPER_HALF_OF_POINTER = 0x7f39;

function fillRecord(
  words: Uint32Array,
  at: number,
  length: number,
  type: number,
  arena: number,
  random: SeededRandom,
): void {
  words[at] = type;
  words[at + 1] = UPPER_HALF_OF_POINTER;
  for (let field = at + 2; field + 2 <= at + length; field += 2) {
    const kind = random.below(22);
    if (kind < 2) {
      words[field] = arena | (random.below(0x1000) << 4);
      words[field + 1] = UPPER_HALF_OF_POINTER;
    } else if (kind < 4) {
      words[field] = random.below(64);
    } else if (kind === 4) {
      words[field] = random.uint32(); // a hash or a time stamp
    }
  }
}

const ZIP_LOCAL_HEADER = Buffer.from('PK\x03\x04\x14\x00\x00\x00\x08\x00', 'latin1');

/** Page cache of files that are compressed already: a header now and then, and dense bytes. */
export function compressedFill(random: SeededRandom): Fill {
  const dense = randomFill(random);
  return (page) => {
    dense(page);
    if (random.below(8) === 0) page.bytes.set(ZIP_LOCAL_HEADER);
  };
}
