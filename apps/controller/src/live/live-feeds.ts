import { OrganizationFeed, type FeedSources } from './organization-feed.js';

/** A viewer that is this far behind misses frames instead of filling the memory. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** A feed outlives its last viewer for a while: a page that is loaded again finds its numbers. */
const LINGER_MS = 30_000;

/** The part of a WebSocket that a feed uses. */
export interface Viewer {
  readonly bufferedAmount: number;
  readonly readyState: number;
  send(data: string): void;
}

const OPEN = 1;

interface Room {
  readonly feed: OrganizationFeed;
  readonly viewers: Set<Viewer>;
  lastFrame: string | undefined;
  lingering: NodeJS.Timeout | undefined;
}

/** One feed per organization that somebody looks at, and its viewers. */
export class LiveFeeds {
  private readonly rooms = new Map<string, Room>();

  constructor(private readonly sources: FeedSources) {}

  join(organizationId: string, viewer: Viewer): void {
    const room = this.rooms.get(organizationId) ?? this.open(organizationId);
    clearTimeout(room.lingering);
    room.viewers.add(viewer);
    if (room.lastFrame !== undefined) viewer.send(room.lastFrame);
  }

  leave(organizationId: string, viewer: Viewer): void {
    const room = this.rooms.get(organizationId);
    if (!room?.viewers.delete(viewer) || room.viewers.size > 0) return;
    room.lingering = setTimeout(() => {
      this.rooms.delete(organizationId);
      room.feed.close();
    }, LINGER_MS);
    room.lingering.unref();
  }

  close(): void {
    for (const { feed, lingering } of this.rooms.values()) {
      clearTimeout(lingering);
      feed.close();
    }
    this.rooms.clear();
  }

  private open(organizationId: string): Room {
    const viewers = new Set<Viewer>();
    const feed = new OrganizationFeed(organizationId, this.sources, (frame) => {
      room.lastFrame = frame;
      for (const viewer of viewers) {
        if (viewer.readyState === OPEN && viewer.bufferedAmount <= MAX_BUFFERED_BYTES) viewer.send(frame);
      }
    });
    const room: Room = { feed, viewers, lastFrame: undefined, lingering: undefined };
    this.rooms.set(organizationId, room);
    feed.start();
    return room;
  }
}
