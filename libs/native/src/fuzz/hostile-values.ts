import type { Random } from './random.js';

/** What callers must not hand over, and might. */

/** Whole numbers at the edges of what C types hold. */
const EDGES = [
  -1,
  0,
  1,
  63,
  64,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  2 ** 32,
  2 ** 53,
  -(2 ** 53),
];

const NO_NUMBERS = [NaN, Infinity, -Infinity, 0.5, -0.5, 1e300, '1', null, undefined, {}, [], true, 7n];

export function hostileNumber(random: Random): unknown {
  return random.percent(60) ? random.pick(EDGES) : random.pick(NO_NUMBERS);
}

/** An array whose memory was taken away. */
function detached<View extends Uint8Array | Int32Array>(view: View): View {
  structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] });
  return view;
}

/** ES2024, and in every Node.js that we run on. */
type ResizableBuffer = ArrayBuffer & { resize(length: number): void };
const Resizable = ArrayBuffer as unknown as new (
  length: number,
  options: { maxByteLength: number },
) => ResizableBuffer;

/** An array that reached to the end of memory that has shrunk since. */
function outOfBounds(): Uint8Array {
  const buffer = new Resizable(4096, { maxByteLength: 8192 });
  const view = new Uint8Array(buffer, 1024, 3072);
  buffer.resize(512);
  return view;
}

export function hostileView(random: Random): unknown {
  return random.pick([
    () => detached(new Uint8Array(new ArrayBuffer(4096))),
    () => detached(new Int32Array(new ArrayBuffer(4096))),
    outOfBounds,
    () => new Uint8Array(0),
    () => new Int32Array(0),
    () => new Int32Array(new ArrayBuffer(400)),
    () => new Uint8Array(new ArrayBuffer(100)),
    () => new Uint8Array(new SharedArrayBuffer(100)),
    () => new Uint8ClampedArray(100),
    () => new Float64Array(100),
    () => new DataView(new ArrayBuffer(100)),
    () => new ArrayBuffer(100),
    () => ({ length: 100, buffer: new ArrayBuffer(100) }),
    () => null,
    () => 'bytes',
  ])();
}

export function hostileThing(random: Random): unknown {
  return random.pick([
    undefined,
    null,
    1,
    'x',
    Symbol('handle'),
    {},
    [],
    () => undefined,
    new Map(),
    true,
    5n,
  ]);
}

export function hostileText(random: Random): unknown {
  return random.pick<unknown>([
    '',
    '1'.repeat(1000),
    '127.0.0.1\0',
    '\uD800',
    'fe80::1%lo',
    'localhost',
    5,
    null,
    {},
  ]);
}
