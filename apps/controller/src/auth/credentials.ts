import type { IncomingHttpHeaders } from 'node:http';

/** Of the session; the `__Host-` prefix binds it to HTTPS, this host and the path `/`. */
export const SESSION_COOKIE = '__Host-longhaul';

/** What of a request says who sent it: of HTTP and of the upgrade to a WebSocket alike. */
export interface RequestHead {
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string | undefined;
}

export type Credentials =
  | { readonly kind: 'session'; readonly token: string }
  | { readonly kind: 'api-token'; readonly publicId: string; readonly secret: string };

/** `lh_api_<12 base62>_<43 base64url>` */
const API_TOKEN = /^lh_api_([0-9A-Za-z]{12})_([0-9A-Za-z_-]{43})$/;

/** A bearer token counts before the cookie. */
export const parseCredentials = (headers: IncomingHttpHeaders): Credentials | undefined => {
  const { authorization, cookie } = headers;
  if (authorization !== undefined) return parseBearer(authorization);
  const token = parseCookie(SESSION_COOKIE, cookie);
  return token === undefined ? undefined : { kind: 'session', token };
};

const parseBearer = (authorization: string): Credentials | undefined => {
  const [, publicId, secret] = API_TOKEN.exec(authorization.replace(/^Bearer +/i, '').trim()) ?? [];
  return publicId === undefined || secret === undefined ? undefined : { kind: 'api-token', publicId, secret };
};

/** The value of a cookie; undefined when it is not there or empty. */
export const parseCookie = (name: string, header = ''): string | undefined => {
  const pair = header
    .split(';')
    .map((each) => each.trim())
    .find((each) => each.startsWith(`${name}=`));
  return pair?.slice(name.length + 1) || undefined;
};

/** Sets the session's cookie; an empty token ends it. */
export const sessionCookie = (token: string, maxAgeSeconds: number): string =>
  `${SESSION_COOKIE}=${token}; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=${String(maxAgeSeconds)}`;
