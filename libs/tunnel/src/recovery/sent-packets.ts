/** What has become of a packet. */
export const PacketState = { none: 0, inFlight: 1, acknowledged: 2, lost: 3 } as const;

/** A frame that must arrive, other than the packet's first run of stream bytes. */
export type SentFrame =
  | { readonly kind: 'reset'; readonly streamId: number }
  | { readonly kind: 'stop'; readonly streamId: number }
  | { readonly kind: 'credit'; readonly streamId: number; readonly limit: number }
  | { readonly kind: 'mtu-probe'; readonly size: number };

const INITIAL_CAPACITY = 1024;

/**
 * Records of the packets sent, in typed-array rings indexed by packet number. Every number from `oldest` to `next` has
 * a record. What most packets carry, one run of one stream, is in the rings; other frames lie aside by number.
 */
export class SentPackets {
  /** The next number to be used. */
  next = 0;
  /** The first number that is still in the rings. */
  oldest = 0;
  private mask = INITIAL_CAPACITY - 1;
  private state = new Uint8Array(INITIAL_CAPACITY);
  private sentUs = new Float64Array(INITIAL_CAPACITY);
  private size = new Int32Array(INITIAL_CAPACITY);
  private stream = new Float64Array(INITIAL_CAPACITY);
  private offset = new Float64Array(INITIAL_CAPACITY);
  /** Length of the run, `fin` and `open` in the two lowest bits. */
  private run = new Int32Array(INITIAL_CAPACITY);
  private delivered = new Float64Array(INITIAL_CAPACITY);
  private deliveredUs = new Float64Array(INITIAL_CAPACITY);
  private firstSentUs = new Float64Array(INITIAL_CAPACITY);
  private inFlightAfter = new Float64Array(INITIAL_CAPACITY);
  private lostBefore = new Float64Array(INITIAL_CAPACITY);
  private limited = new Uint8Array(INITIAL_CAPACITY);
  private readonly frames = new Map<number, SentFrame[]>();

  /** Begins the record of packet `next` and gives its number. A packet without a run has stream -1. */
  add(
    sentUs: number,
    size: number,
    streamId: number,
    offset: number,
    length: number,
    fin: boolean,
    open: boolean,
  ): number {
    if (this.next - this.oldest > this.mask) this.grow();
    const number = this.next++;
    const i = number & this.mask;
    this.state[i] = PacketState.inFlight;
    this.sentUs[i] = sentUs;
    this.size[i] = size;
    this.stream[i] = streamId;
    this.offset[i] = offset;
    this.run[i] = (length << 2) | (fin ? 1 : 0) | (open ? 2 : 0);
    return number;
  }

  /** The state of the delivery-rate estimator as the packet left. */
  snapshot(
    number: number,
    delivered: number,
    deliveredUs: number,
    firstSentUs: number,
    inFlight: number,
    lost: number,
    appLimited: boolean,
  ): void {
    const i = number & this.mask;
    this.delivered[i] = delivered;
    this.deliveredUs[i] = deliveredUs;
    this.firstSentUs[i] = firstSentUs;
    this.inFlightAfter[i] = inFlight;
    this.lostBefore[i] = lost;
    this.limited[i] = appLimited ? 1 : 0;
  }

  /** A packet that carries nothing which must arrive: its number is used up and settled at once. */
  addUntracked(sentUs: number): number {
    const number = this.add(sentUs, 0, -1, 0, 0, false, false);
    this.state[number & this.mask] = PacketState.none;
    return number;
  }

  private grow(): void {
    const capacity = (this.mask + 1) * 2;
    const mask = capacity - 1;
    const move = <T extends Uint8Array | Int32Array | Float64Array>(from: T, to: T): T => {
      for (let number = this.oldest; number < this.next; number++)
        to[number & mask] = from[number & this.mask];
      return to;
    };
    this.state = move(this.state, new Uint8Array(capacity));
    this.sentUs = move(this.sentUs, new Float64Array(capacity));
    this.size = move(this.size, new Int32Array(capacity));
    this.stream = move(this.stream, new Float64Array(capacity));
    this.offset = move(this.offset, new Float64Array(capacity));
    this.run = move(this.run, new Int32Array(capacity));
    this.delivered = move(this.delivered, new Float64Array(capacity));
    this.deliveredUs = move(this.deliveredUs, new Float64Array(capacity));
    this.firstSentUs = move(this.firstSentUs, new Float64Array(capacity));
    this.inFlightAfter = move(this.inFlightAfter, new Float64Array(capacity));
    this.lostBefore = move(this.lostBefore, new Float64Array(capacity));
    this.limited = move(this.limited, new Uint8Array(capacity));
    this.mask = mask;
  }

  /** Forgets every record below `number`. */
  forgetBelow(number: number): void {
    if (this.frames.size > 0) {
      for (let n = this.oldest; n < number; n++) this.frames.delete(n);
    }
    this.oldest = Math.max(this.oldest, number);
  }

  stateOf(number: number): number {
    return this.state[number & this.mask];
  }

  setState(number: number, state: number): void {
    this.state[number & this.mask] = state;
  }

  sentUsOf(number: number): number {
    return this.sentUs[number & this.mask];
  }

  sizeOf(number: number): number {
    return this.size[number & this.mask];
  }

  streamOf(number: number): number {
    return this.stream[number & this.mask];
  }

  offsetOf(number: number): number {
    return this.offset[number & this.mask];
  }

  lengthOf(number: number): number {
    return this.run[number & this.mask] >> 2;
  }

  finOf(number: number): boolean {
    return (this.run[number & this.mask] & 1) !== 0;
  }

  openOf(number: number): boolean {
    return (this.run[number & this.mask] & 2) !== 0;
  }

  deliveredOf(number: number): number {
    return this.delivered[number & this.mask];
  }

  deliveredUsOf(number: number): number {
    return this.deliveredUs[number & this.mask];
  }

  firstSentUsOf(number: number): number {
    return this.firstSentUs[number & this.mask];
  }

  inFlightOf(number: number): number {
    return this.inFlightAfter[number & this.mask];
  }

  lostBeforeOf(number: number): number {
    return this.lostBefore[number & this.mask];
  }

  appLimitedOf(number: number): boolean {
    return this.limited[number & this.mask] !== 0;
  }

  addFrame(number: number, frame: SentFrame): void {
    const list = this.frames.get(number);
    if (list) list.push(frame);
    else this.frames.set(number, [frame]);
  }

  framesOf(number: number): readonly SentFrame[] | undefined {
    return this.frames.size === 0 ? undefined : this.frames.get(number);
  }
}
