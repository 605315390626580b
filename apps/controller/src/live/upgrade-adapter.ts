import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { INestApplicationContext } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { WebSocketServer } from 'ws';

/** Unless a gateway says otherwise: viewers have nothing to say. */
const MAX_MESSAGE_BYTES = 4096;

/**
 * WebSocket gateways on the application's own HTTPS server. Nest's adapter destroys every upgrade on a path that it does not
 * know; this one leaves those to whoever else listens, and ends them only if nobody does.
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
      } else if (server.listenerCount('upgrade') === 1) {
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
}

const pathOf = ({ url = '/' }: IncomingMessage): string => url.replace(/[?#].*$/, '');
