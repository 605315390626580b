import type { Stream } from './streams/stream.js';

/** What the owner of the streams is told. Calls come after a batch of packets was worked through, never within. */
export interface StreamEvents {
  streamOpened(stream: Stream): void;
  streamReadable(stream: Stream): void;
  streamWritable(stream: Stream): void;
  streamReset(stream: Stream, code: number): void;
  streamStopped(stream: Stream, code: number): void;
  streamClosed(stream: Stream): void;
}

/** What the owner of the tunnels is told. */
export interface TunnelEvents extends StreamEvents {
  tunnelUp(peerId: string): void;
  /** New streams should go another way. Those that are open live on until the peer is back or is given up. */
  tunnelDown(peerId: string, reason: string): void;
}

type PendingEvent =
  | { readonly kind: 'opened' | 'readable' | 'writable' | 'closed'; readonly stream: Stream }
  | { readonly kind: 'reset' | 'stopped'; readonly stream: Stream; readonly code: number }
  | { readonly kind: 'up'; readonly peerId: string }
  | { readonly kind: 'down'; readonly peerId: string; readonly reason: string };

/** Events wait here until the protocol is through with a call, so that their handlers may call it again. */
export class EventQueue {
  private readonly pending: PendingEvent[] = [];
  private next = 0;
  private delivering = false;

  constructor(private readonly handler: TunnelEvents) {}

  push(event: PendingEvent): void {
    this.pending.push(event);
  }

  /** There are bytes or the end to read: told once, however many packets brought them. */
  readable(stream: Stream): void {
    if (stream.readableQueued) return;
    stream.readableQueued = true;
    this.pending.push({ kind: 'readable', stream });
  }

  /** Tells what happened, and what happens meanwhile. What a handler throws comes out; the rest waits for the next call. */
  deliver(): void {
    if (this.delivering || this.pending.length === 0) return;
    this.delivering = true;
    try {
      while (this.next < this.pending.length) this.tell(this.pending[this.next++]);
      this.pending.length = 0;
      this.next = 0;
    } finally {
      this.delivering = false;
    }
  }

  private tell(event: PendingEvent): void {
    const { handler } = this;
    switch (event.kind) {
      case 'opened':
        handler.streamOpened(event.stream);
        break;
      case 'readable':
        this.tellReadable(event.stream);
        break;
      case 'writable':
        if (event.stream.writable) handler.streamWritable(event.stream);
        break;
      case 'reset':
        handler.streamReset(event.stream, event.code);
        break;
      case 'stopped':
        handler.streamStopped(event.stream, event.code);
        break;
      case 'closed':
        handler.streamClosed(event.stream);
        break;
      case 'up':
        handler.tunnelUp(event.peerId);
        break;
      case 'down':
        handler.tunnelDown(event.peerId, event.reason);
        break;
    }
  }

  private tellReadable(stream: Stream): void {
    stream.readableQueued = false;
    if (!stream.readable) return;
    this.handler.streamReadable(stream);
    stream.onReadableTold();
  }
}
