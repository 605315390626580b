import type { IncomingMessage, ServerResponse } from 'node:http';
import { httpRequestSeconds } from '../metrics/metrics.js';
import { beginServerSpan, fail } from '../tracing/tracing.js';

/** Parts of the API; what is below them, and the portal's many paths, are one each: labels have to be few. */
const ROUTES = [
  '/graphql',
  '/api/v1/agents',
  '/api/v1/export',
  '/auth',
  '/live',
  '/healthz',
  '/readyz',
  '/assets',
];

const routeOf = (url = '/'): string =>
  ROUTES.find((route) => url === route || url.startsWith(`${route}/`) || url.startsWith(`${route}?`)) ??
  'portal';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Counts and times every request, and gives it a span. */
export const observeRequests = (
  request: IncomingMessage,
  response: ServerResponse,
  next: () => void,
): void => {
  const method = METHODS.has(request.method ?? '') ? (request.method ?? '') : 'other';
  const route = routeOf(request.url);
  const stopTimer = httpRequestSeconds.startTimer({ method, route });
  const { span, within } = beginServerSpan(`${method} ${route}`, request.headers, {
    'http.request.method': method,
    'http.route': route,
  });
  response.once('close', () => {
    const status = response.writableFinished ? response.statusCode : 499;
    stopTimer({ status: String(status) });
    span.setAttribute('http.response.status_code', status);
    if (status >= 500) fail(span, response.statusMessage);
    span.end();
  });
  within(next);
};
