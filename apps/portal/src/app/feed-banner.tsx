import { Unplug } from 'lucide-react';
import { type ReactNode, useEffect } from 'react';
import { clockTime, duration, useNow } from '../lib/time.js';
import { useFeed } from '../live/use-feed.js';
import { Status } from '../ui/status.js';
import { useSession } from './session.js';

/** How often a page without a feed asks whether its session still holds, in milliseconds. */
const CHECK_SESSION_EVERY_MS = 5000;

/** Says in the margin whether what is on the page is live. */
export function FeedStatusLine(): ReactNode {
  const { status } = useFeed();
  if (status === 'live') return <Status tone="good">Live</Status>;
  if (status === 'connecting') return <Status tone="neutral">Connecting</Status>;
  return <Status tone="warn">Not live</Status>;
}

/** Says over the page that the live feed is lost, and how old the page's numbers are. */
export function FeedBanner(): ReactNode {
  const { status, receivedAtMs } = useFeed();
  const { check } = useSession();
  const now = useNow();
  useEffect(() => {
    if (status !== 'stale') return;
    const timer = window.setInterval(check, CHECK_SESSION_EVERY_MS);
    return () => {
      window.clearInterval(timer);
    };
  }, [status, check]);
  return (
    <div role="status">
      {status === 'stale' && (
        <p className="flex items-center gap-2.5 border-b border-line bg-warn-soft px-4 py-2 text-sm font-medium text-warn md:px-6">
          <Unplug aria-hidden className="size-4 shrink-0" />
          <span>
            {receivedAtMs === undefined
              ? 'The live feed does not answer. Numbers in grey are the last that were stored. Trying again…'
              : `The live feed was lost ${duration(now - receivedAtMs)} ago. Numbers in grey are from ${clockTime(new Date(receivedAtMs))}. Trying again…`}
          </span>
        </p>
      )}
    </div>
  );
}
