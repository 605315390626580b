import { createContext, type ReactNode, use, useEffect, useState, useSyncExternalStore } from 'react';
import { controllerFeed, type FeedSnapshot, type LiveFeed } from './feed.js';

const FeedContext = createContext<LiveFeed | undefined>(undefined);

/** Connects the live feed for as long as it is mounted. */
export function FeedProvider({ children }: { children: ReactNode }): ReactNode {
  const [feed] = useState(controllerFeed);
  useEffect(() => {
    feed.start();
    return () => {
      feed.stop();
    };
  }, [feed]);
  return <FeedContext value={feed}>{children}</FeedContext>;
}

export function useLiveFeed(): LiveFeed {
  const feed = use(FeedContext);
  if (feed === undefined) throw new Error('useLiveFeed needs a FeedProvider above it');
  return feed;
}

/** The feed's last frame and whether it is live; renders again with every frame. */
export function useFeed(): FeedSnapshot {
  const feed = useLiveFeed();
  return useSyncExternalStore(feed.subscribe, feed.snapshot);
}
