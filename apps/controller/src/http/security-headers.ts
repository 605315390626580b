import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Of every answer. No Strict-Transport-Security: browsers that have it let nobody by an own CA's certificate, which is what
 * a new installation has; whoever puts a public certificate in front adds it there.
 */
const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    "default-src 'self'",
    "img-src 'self' data:",
    "style-src 'self'",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};

export const securityHeaders = (
  _request: IncomingMessage,
  response: ServerResponse,
  next: () => void,
): void => {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  next();
};
