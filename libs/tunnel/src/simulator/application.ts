import type { TrafficClass, Stream } from '../streams/stream.js';
import type { SimulatedHost } from './host.js';
import { Pattern } from './pattern.js';
import type { HostEvents } from './simulation.js';

/** Bytes per conversation id that the patterns of two conversations are apart. */
const PATTERN_STEP = 7919;
const PATTERN = new Pattern(1);

/** What two applications mean to say to each other over one stream. */
export interface Script {
  /** Bytes from the opener, and bytes back. */
  readonly up: number;
  readonly down: number;
  readonly class?: TrafficClass;
  readonly weight?: number;
  /** Neither side ends its direction: it is for a test to do. */
  readonly endless?: boolean;
}

/** One side's part in a conversation over one stream. All that arrives is compared, byte for byte. */
export class Conversation {
  sent = 0;
  read = 0;
  /** Reading stops while set: bytes stay with the stream. */
  stalled = false;
  /** Writing stops while set. */
  paused = false;
  /** The peer's direction was read to its end. */
  ended = false;
  resetCode: number | undefined = undefined;
  stopCode: number | undefined = undefined;
  closed = false;

  constructor(
    readonly stream: Stream,
    private readonly memory: Uint8Array,
    private readonly id: number,
    readonly sendTotal: number,
    readonly readTotal: number,
    private readonly endless: boolean,
  ) {}

  private get position(): number {
    return this.id * PATTERN_STEP;
  }

  /** Everything was said and heard. */
  get complete(): boolean {
    return this.ended && this.sent === this.sendTotal && this.read === this.readTotal;
  }

  fill(): void {
    if (this.closed || this.paused) return;
    this.sent += PATTERN.write(this.stream, this.position + this.sent, this.position + this.sendTotal);
    if (this.sent === this.sendTotal && !this.endless) this.stream.finish();
  }

  /** Reads what there is; throws when a byte is not the one that the peer sent, or too many come. */
  drain(): void {
    const { stream } = this;
    while (!this.stalled && stream.spanLength > 0) {
      const length = stream.spanLength;
      if (!PATTERN.matches(this.memory, stream.spanOffset, length, this.position + this.read))
        throw new Error(`stream ${stream.id}: bytes after ${this.read} are not those that were sent`);
      stream.consume(length);
      stream.release(length);
      this.read += length;
    }
    if (this.read > this.readTotal) throw new Error(`stream ${stream.id}: more arrived than was sent`);
    if (stream.readEnded) this.end();
  }

  private end(): void {
    if (this.read !== this.readTotal && !this.endless)
      throw new Error(`stream ${this.stream.id} ended after ${this.read} of ${this.readTotal} bytes`);
    this.ended = true;
  }

  resume(): void {
    this.stalled = false;
    this.paused = false;
    this.drain();
    this.fill();
  }
}

/** An application at a host: it opens conversations and answers those that others open. */
export class Application {
  readonly conversations: Conversation[] = [];
  readonly ups: string[] = [];
  readonly downs: string[] = [];
  /** Applied to each conversation that a peer opens, as it begins. */
  onAnswer: (conversation: Conversation) => void = () => undefined;
  private readonly byStream = new Map<Stream, Conversation>();
  private nextId = 1;
  private host: SimulatedHost | undefined;

  /** Goes into Simulation.addHost. */
  readonly events: HostEvents = {
    tunnelUp: (peerId) => this.ups.push(peerId),
    tunnelDown: (_peerId, reason) => this.downs.push(reason),
    streamOpened: (stream) => this.answer(stream),
    streamReadable: (stream) => this.of(stream).drain(),
    streamWritable: (stream) => this.of(stream).fill(),
    streamReset: (stream, code) => {
      if (this.of(stream).resetCode !== undefined) throw new Error(`stream ${stream.id}: a second reset`);
      this.of(stream).resetCode = code;
    },
    streamStopped: (stream, code) => {
      this.of(stream).stopCode = code;
    },
    streamClosed: (stream) => this.close(stream),
  };

  attach(host: SimulatedHost): this {
    this.host = host;
    return this;
  }

  /** Opens a stream to `peer` and begins to follow `script`. */
  converse(peer: SimulatedHost, script: Script): Conversation {
    const host = this.requireHost();
    const openPayload = new Uint8Array(
      Uint32Array.of(this.nextId, script.up, script.down, Number(script.endless ?? false)).buffer,
    );
    const stream = host.endpoint.openStream(peer.name, {
      openPayload,
      class: script.class ?? 'bulk',
      weight: script.weight ?? 1,
    });
    const conversation = this.begin(stream, this.nextId++, script.up, script.down, script.endless ?? false);
    conversation.fill();
    if (script.up === 0) stream.flushOpen();
    return conversation;
  }

  private answer(stream: Stream): void {
    if (this.byStream.has(stream)) throw new Error(`stream ${stream.id} was opened twice`);
    const [id, up, down, endless] = new Uint32Array(stream.openPayload.slice().buffer);
    const conversation = this.begin(stream, id, down, up, endless === 1);
    this.onAnswer(conversation);
    conversation.fill();
    conversation.drain();
  }

  private begin(stream: Stream, id: number, send: number, read: number, endless: boolean): Conversation {
    const conversation = new Conversation(stream, this.requireHost().slab, id, send, read, endless);
    this.byStream.set(stream, conversation);
    this.conversations.push(conversation);
    return conversation;
  }

  private of(stream: Stream): Conversation {
    const conversation = this.byStream.get(stream);
    if (conversation === undefined) throw new Error(`stream ${stream.id}: an event before it was opened`);
    if (conversation.closed) throw new Error(`stream ${stream.id}: an event after it was closed`);
    return conversation;
  }

  private close(stream: Stream): void {
    this.of(stream).closed = true;
    this.byStream.delete(stream);
  }

  private requireHost(): SimulatedHost {
    if (this.host === undefined) throw new Error('attach() the application to its host first');
    return this.host;
  }

  get bytesRead(): number {
    return this.conversations.reduce((sum, { read }) => sum + read, 0);
  }

  /** Whether every conversation was said and heard to its end, and its stream is closed. */
  get allComplete(): boolean {
    return this.conversations.every(({ complete, closed }) => complete && closed);
  }
}
