import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** A message as it came. */
export interface ReceivedMessage {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A real HTTP server that takes what is posted to it, and answers as it is told. */
export class WebhookReceiver {
  readonly received: ReceivedMessage[] = [];
  /** 200 unless told otherwise. */
  answer: (response: ServerResponse, message: ReceivedMessage) => void = (response) => {
    response.end('thanks');
  };

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  /** @param tls certificate and key, for `https:` */
  static async start(tls?: { readonly cert: string; readonly key: string }): Promise<WebhookReceiver> {
    const server = tls === undefined ? createServer() : createTlsServer(tls);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const url = `${tls === undefined ? 'http' : 'https'}://localhost:${String(port)}/hook`;
    const receiver = new WebhookReceiver(server, url);
    server.on('request', (request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const { url: path = '', headers } = request;
        const message = { path, headers, body: Buffer.concat(parts).toString('utf8') };
        receiver.received.push(message);
        receiver.answer(response, message);
      });
    });
    return receiver;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
