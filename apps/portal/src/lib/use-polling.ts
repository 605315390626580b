import { useEffect } from 'react';

/** Asks again every `everyMs` while the page is in sight. */
export function usePolling(
  refetch: (options: { requestPolicy: 'network-only' }) => void,
  everyMs: number,
): void {
  useEffect(() => {
    const timer = window.setInterval(() => {
      if (document.visibilityState === 'visible') refetch({ requestPolicy: 'network-only' });
    }, everyMs);
    return () => {
      window.clearInterval(timer);
    };
  }, [refetch, everyMs]);
}
