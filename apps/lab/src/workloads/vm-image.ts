import { codeFill, compressedFill, type Fill, heapFill, randomFill, textFill } from './generators.js';
import { SeededRandom } from './seeded-random.js';

/**
 * What a loaded guest's memory holds, as shares of its pages. One fifth is zero; the mix of the rest is chosen so
 * that LZ4 in blocks of 64 KiB takes the image to a third of its size, as it does loaded guests.
 */
const SHARES = {
  zero: 0.2,
  code: 0.17,
  heap: 0.45,
  text: 0.11,
  compressed: 0.045,
  random: 0.025,
};

/** Memory comes in runs of one kind, up to this many pages. */
const LONGEST_RUN_PAGES = 48;

type Kind = keyof typeof SHARES;

/** The pages of a virtual machine's memory, one after the other; the same for the same seed. */
export function vmImageFill(seed: number): Fill {
  const stream = (n: number): SeededRandom => new SeededRandom(seed * 31 + n);
  const layout = stream(0);
  const fills: Readonly<Record<Kind, Fill>> = {
    zero: ({ words }) => words.fill(0),
    code: codeFill(stream(1)),
    heap: heapFill(stream(2)),
    text: textFill(stream(3)),
    compressed: compressedFill(stream(4)),
    random: randomFill(stream(5)),
  };
  let kind: Kind = 'zero';
  let pagesLeft = 0;
  return (page) => {
    if (pagesLeft === 0) {
      kind = drawKind(layout);
      pagesLeft = 1 + layout.below(LONGEST_RUN_PAGES);
    }
    pagesLeft--;
    fills[kind](page);
  };
}

function drawKind(random: SeededRandom): Kind {
  let draw = random.uint32() / 2 ** 32;
  for (const [kind, share] of Object.entries(SHARES) as [Kind, number][]) {
    draw -= share;
    if (draw < 0) return kind;
  }
  return 'zero';
}
