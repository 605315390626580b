import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { INestApplicationContext } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { WebSocketServer, type WebSocket } from 'ws';

/** "Going away", of RFC 6455: the client comes again, and finds another replica. */
const CLOSE_GOING_AWAY = 1001;
/** How long a client may take to agree to that, in milliseconds; then its connection is cut. */
const CLOSE_PATIENCE_MS = 2_000;
/** Unless a gateway says otherwise: viewers have nothing to say. */
const MAX_MESSAGE_BYTES = 4096;

/**
 * WebSocket gateways on the application's own HTTPS server, each on its path: the live feed, and subscriptions of GraphQL.
 * Nest's adapter cuts every upgrade on another path; this one answers it.
 */
export class UpgradeAdapter extends WsAdapter {
  private readonly byPath = new Map<string, WebSocketServer>();

  constructor(app: INestApplicationContext) {
    super(app);
    const server = this.httpServer as Server;
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const gateway = this.byPath.get(pathOf(request));
      if (gateway !== undefined) {
        gateway.handleUpgrade(request, socket, head, (client) => gateway.emit('connection', client, request));
      } else {
        socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      }
    });
  }

  override create(
    _port: number,
    { path = '/', maxPayload = MAX_MESSAGE_BYTES }: { readonly path?: string; readonly maxPayload?: number },
  ): WebSocketServer {
    const server = new WebSocketServer({ noServer: true, maxPayload });
    this.byPath.set(path, server);
    return this.bindErrorHandler(server) as WebSocketServer;
  }

  /** Tells every client of every gateway to go, and waits until they have. */
  async sendAway(): Promise<void> {
    const clients = [...this.byPath.values()].flatMap((server) => [...server.clients]);
    await Promise.all(clients.map(closeInOrder));
  }
}

const closeInOrder = (client: WebSocket): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => {
      client.terminate();
    }, CLOSE_PATIENCE_MS);
    client.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    client.close(CLOSE_GOING_AWAY, 'the controller is shutting down');
  });

const pathOf = ({ url = '/' }: IncomingMessage): string => url.replace(/[?#].*$/, '');
