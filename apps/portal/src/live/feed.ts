import { type LiveFrame, type LiveLink, parseFrame } from './frame.js';

/** Frames come once a second; without one for this long, what the page shows is no longer live. In milliseconds. */
export const STALE_AFTER_MS = 2400;
/** How often staleness is looked for; with STALE_AFTER_MS it makes a lost feed visible within 3 s. */
export const CHECK_EVERY_MS = 100;
/** A socket that is open but silent for this long is replaced. */
export const SILENT_AFTER_MS = 8000;
const RECONNECT_FIRST_MS = 500;
const RECONNECT_MAX_MS = 5000;
/** Frames kept for the sparklines. */
export const RECENT_FRAMES = 60;

export type FeedStatus = 'connecting' | 'live' | 'stale';

export interface FeedSnapshot {
  status: FeedStatus;
  /** The last frame that came, also when the feed is stale. */
  frame: LiveFrame | undefined;
  /** When it came, by this computer's clock, Unix milliseconds. */
  receivedAtMs: number | undefined;
}

/** The part of WebSocket that the feed uses. */
export interface FeedSocket {
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
  onerror: (() => void) | null;
  close(): void;
}

/** Keeps one WebSocket to the controller, its last frame, and the truth about how old that is. */
export class LiveFeed {
  #snapshot: FeedSnapshot = { status: 'connecting', frame: undefined, receivedAtMs: undefined };
  readonly #listeners = new Set<() => void>();
  readonly #recent: LiveFrame[] = [];
  readonly #open: () => FeedSocket;
  #socket: FeedSocket | undefined;
  #heardAtMs = 0;
  #socketSinceMs = 0;
  #reconnectDelayMs = RECONNECT_FIRST_MS;
  #checkTimer: ReturnType<typeof setInterval> | undefined;
  #reconnectTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(open: () => FeedSocket) {
    this.#open = open;
  }

  /** Connects, and stays connected until {@link stop}. */
  start(): void {
    if (this.#checkTimer !== undefined) return;
    this.#heardAtMs = Date.now();
    this.#checkTimer = setInterval(() => {
      this.#check();
    }, CHECK_EVERY_MS);
    this.#connect();
  }

  stop(): void {
    clearInterval(this.#checkTimer);
    clearTimeout(this.#reconnectTimer);
    this.#checkTimer = undefined;
    this.#abandonSocket();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): FeedSnapshot => this.#snapshot;

  /** One agent's view of one link over the last {@link RECENT_FRAMES} frames, oldest first. */
  recentLink(linkId: string, agentId: string): LiveLink[] {
    return this.#recent.flatMap((frame) => {
      const link = frame.links.find((each) => each.linkId === linkId && each.agentId === agentId);
      return link ? [link] : [];
    });
  }

  #connect(): void {
    this.#abandonSocket();
    const socket = this.#open();
    this.#socket = socket;
    this.#socketSinceMs = Date.now();
    const lost = (): void => {
      if (this.#socket === socket) this.#reconnectLater();
    };
    socket.onmessage = ({ data }) => {
      const frame = parseFrame(data);
      if (this.#socket === socket && frame) this.#accept(frame);
    };
    socket.onclose = lost;
    socket.onerror = lost;
  }

  #accept(frame: LiveFrame): void {
    this.#heardAtMs = Date.now();
    this.#reconnectDelayMs = RECONNECT_FIRST_MS;
    this.#recent.push(frame);
    if (this.#recent.length > RECENT_FRAMES) this.#recent.shift();
    this.#publish({ status: 'live', frame, receivedAtMs: this.#heardAtMs });
  }

  #check(): void {
    const now = Date.now();
    const silenceMs = now - this.#heardAtMs;
    if (silenceMs >= STALE_AFTER_MS && this.#snapshot.status !== 'stale') {
      this.#publish({ ...this.#snapshot, status: 'stale' });
    }
    const socketIsSilent = Math.min(silenceMs, now - this.#socketSinceMs) >= SILENT_AFTER_MS;
    if (socketIsSilent && this.#socket !== undefined) this.#reconnectLater();
  }

  #reconnectLater(): void {
    this.#abandonSocket();
    clearTimeout(this.#reconnectTimer);
    this.#reconnectTimer = setTimeout(() => {
      this.#connect();
    }, this.#reconnectDelayMs);
    this.#reconnectDelayMs = Math.min(this.#reconnectDelayMs * 2, RECONNECT_MAX_MS);
  }

  #abandonSocket(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    socket.onclose = null;
    socket.onerror = null;
    socket.onmessage = null;
    socket.close();
  }

  #publish(snapshot: FeedSnapshot): void {
    this.#snapshot = snapshot;
    for (const listener of this.#listeners) listener();
  }
}

/** The controller's feed, on the address that served this page. */
export function controllerFeed(): LiveFeed {
  return new LiveFeed(() => {
    const url = new URL('/live', window.location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return new WebSocket(url) as FeedSocket;
  });
}
