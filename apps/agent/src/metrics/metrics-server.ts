import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { AgentError, messageOf } from '../errors.js';

export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

const LOOPBACK = '127.0.0.1';

/** `9465` (on loopback), `host:9465` or `[v6]:9465`; undefined if it is none of these. */
export function parseMetricsAddress(text: string): MetricsAddress | undefined {
  const [, v6, host = v6, portText] =
    /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(portText);
  return portText === undefined || port < 1 || port > 65_535 ? undefined : { host: host ?? LOOPBACK, port };
}

/** Serves `GET /metrics` in Prometheus' text format, over plain HTTP and to whoever asks. */
export class MetricsServer {
  private constructor(private readonly server: Server) {}

  /** @throws AgentError */
  static async listen({ host, port }: MetricsAddress, registry: Registry): Promise<MetricsServer> {
    const server = createServer((request, response) => void answer(registry, request, response));
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, resolve);
      });
    } catch (error) {
      throw new AgentError(
        `cannot serve metrics on ${host}:${port}: ${messageOf(error)}; choose another by --metrics-listen`,
      );
    }
    return new MetricsServer(server);
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

async function answer(registry: Registry, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url?.replace(/\?.*$/, '') !== '/metrics') {
    response.writeHead(404, { 'Content-Type': 'text/plain' }).end('Metrics are at /metrics.\n');
    return;
  }
  try {
    const text = await registry.metrics();
    response.writeHead(200, { 'Content-Type': registry.contentType, 'Cache-Control': 'no-store' }).end(text);
  } catch (error) {
    response.writeHead(500, { 'Content-Type': 'text/plain' }).end(`${messageOf(error)}\n`);
  }
}
