import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A server on loopback that sends back what it gets. */
export class EchoServer {
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.pipe(socket);
    });
  }

  static async start(): Promise<EchoServer> {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new EchoServer(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

/** Sends random bytes to an echo and gives whether exactly they came back. */
export async function exchange(port: number, bytes: number): Promise<boolean> {
  const data = randomBytes(bytes);
  const client = connect(port, '127.0.0.1');
  const hash = createHash('sha256');
  client.on('data', (part) => hash.update(part));
  client.end(data);
  const ended = new Promise<boolean>((resolve) => {
    client.on('end', () => {
      resolve(true);
    });
    client.on('error', () => {
      resolve(false);
    });
  });
  return (await ended) && hash.digest('hex') === createHash('sha256').update(data).digest('hex');
}

/** A connection to an echo that goes on until it is told to end, or breaks. */
export class LongExchange {
  private readonly client: Socket;
  private readonly sent = createHash('sha256');
  private readonly received = createHash('sha256');
  private readonly writing: NodeJS.Timeout;
  private readonly ended: Promise<boolean>;

  constructor(port: number) {
    this.client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.client.on('data', (part) => this.received.update(part));
    this.ended = new Promise((resolve) => {
      this.client.on('end', () => {
        resolve(true);
      });
      this.client.on('error', () => {
        resolve(false);
      });
    });
    this.writing = setInterval(() => {
      if (this.client.writableLength > 1_000_000) return;
      const data = randomBytes(100_000);
      this.sent.update(data);
      this.client.write(data);
    }, 10);
    void this.ended.then(() => {
      clearInterval(this.writing);
    });
  }

  /** Ends it, and gives whether exactly what was sent came back. */
  async finish(): Promise<boolean> {
    clearInterval(this.writing);
    this.client.end();
    return this.whole();
  }

  /** Resolves when it is cut off. */
  async broken(): Promise<void> {
    if (await this.whole()) throw new Error('the connection was not broken');
  }

  private async whole(): Promise<boolean> {
    return (await this.ended) && this.sent.digest('hex') === this.received.digest('hex');
  }
}

/** New connections to an echo, one after the other, until it is stopped. */
export class NewConnections {
  done = 0;
  failed = 0;
  private going = true;
  private readonly running: Promise<void>;

  constructor(port: number) {
    this.running = (async () => {
      while (this.going) {
        if (await exchange(port, 10_000)) this.done++;
        else this.failed++;
      }
    })();
  }

  async stop(): Promise<void> {
    this.going = false;
    await this.running;
  }
}
