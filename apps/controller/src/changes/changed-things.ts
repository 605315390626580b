import type { ChangeFeed, ChangeKind } from './change.js';

const DONE = { done: true, value: undefined } as const;

/**
 * Ids of what is changed from now on, for one subscription. What is changed again before it was taken is given once: a slow
 * client gets the newest state of each, and what waits for it is never more than there are things.
 */
class ChangedIds {
  private readonly pending = new Set<string>();
  private readonly stop: () => void;
  private wake: (() => void) | undefined;
  private ended = false;

  constructor(feed: ChangeFeed, organizationId: string, kind: ChangeKind) {
    this.stop = feed.listen(organizationId, (change) => {
      if (change.kind !== kind) return;
      for (const id of change.ids) this.pending.add(id);
      this.wake?.();
    });
  }

  /** @returns undefined at the end */
  async take(): Promise<string | undefined> {
    while (!this.ended) {
      const [id] = this.pending;
      if (id !== undefined) {
        this.pending.delete(id);
        return id;
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return undefined;
  }

  end(): void {
    this.ended = true;
    this.stop();
    this.wake?.();
  }
}

/** Which things, and what they are now. */
export interface Watched<Thing> {
  readonly organizationId: string;
  readonly kind: ChangeKind;
  /** Null or undefined: it is gone, or not of those that are watched. */
  readonly load: (id: string) => Promise<Thing | null | undefined>;
}

/** Each thing as it is after a change, from now until the subscription ends. */
export const watch = <Thing>(
  feed: ChangeFeed,
  { organizationId, kind, load }: Watched<Thing>,
): AsyncIterableIterator<Thing> => {
  const ids = new ChangedIds(feed, organizationId, kind);
  const things: AsyncIterableIterator<Thing> = {
    [Symbol.asyncIterator]: () => things,
    next: async () => {
      for (;;) {
        const id = await ids.take();
        if (id === undefined) return DONE;
        const value = await load(id);
        if (value !== null && value !== undefined) return { done: false, value };
      }
    },
    return: () => {
      ids.end();
      return Promise.resolve(DONE);
    },
  };
  return things;
};
