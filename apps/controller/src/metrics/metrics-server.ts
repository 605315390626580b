import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import type { ListenAddress } from '../config/settings.js';
import { listenOn } from '../http/listeners.js';

/**
 * Serves `GET /metrics` in Prometheus' text format, and nothing else, over plain HTTP: it tells about all tenants together, so
 * it has a listener of its own, apart from that of people and agents.
 *
 * @returns how to stop
 * @throws Error that says what to do when the address cannot be had
 */
export const serveMetrics = async (registry: Registry, address: ListenAddress): Promise<() => void> => {
  const server: Server = createServer((request, response) => void answer(registry, request, response));
  await listenOn(server, address, 'LONGHAUL_METRICS_LISTEN');
  return () => {
    server.close();
    server.closeAllConnections();
  };
};

const answer = async (
  registry: Registry,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const path = request.url?.replace(/\?.*$/, '');
  if (path !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) {
    response.writeHead(404, { 'Content-Type': 'text/plain' }).end('Metrics are at /metrics.\n');
    return;
  }
  try {
    const text = await registry.metrics();
    response.writeHead(200, { 'Content-Type': registry.contentType, 'Cache-Control': 'no-store' }).end(text);
  } catch (error) {
    response.writeHead(500, { 'Content-Type': 'text/plain' }).end(`${String(error)}\n`);
  }
};
