import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a WebSocket may be opened by the page that asks. Browsers name the page's origin, and a page of another site would
 * have the visitor's cookie sent along; whoever names none is no browser.
 */
export const isOwnOrigin = ({ origin, host }: IncomingHttpHeaders): boolean => {
  if (origin === undefined) return true;
  try {
    return host !== undefined && new URL(origin).host === host.toLowerCase();
  } catch {
    return false;
  }
};
