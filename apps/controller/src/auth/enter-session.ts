import type { RequestContext } from '../graphql/request-context.js';
import { sessionCookie } from './credentials.js';
import { SESSION_LIFE_MS, type NewSession, type SessionClient } from './sessions.service.js';
import { clientAddress } from '../http/client-address.js';
import { toViewer, type Viewer } from './viewer.model.js';

/** Who is at the other end of a request. */
export const clientOf = ({ req }: Pick<RequestContext, 'req'>): SessionClient => ({
  origin: clientAddress(req),
  userAgent: req.headers['user-agent'],
});

/** The rest of the request is served to the session's person, and the answer sets the cookie. */
export const enterSession = async (
  context: RequestContext,
  { principal, token }: NewSession,
): Promise<Viewer> => {
  await context.become(principal);
  context.res.appendHeader('Set-Cookie', sessionCookie(token, SESSION_LIFE_MS / 1000));
  return toViewer(principal);
};
