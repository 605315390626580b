import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Replica } from './replica.js';

const CHECK_INTERVAL_MS = 50;

/**
 * One address in front of replicas: hands each TCP connection to the next one whose /readyz says so, and to another if that
 * does not take it, as HAProxy does with `option httpchk` and `option redispatch`.
 */
export class Balancer {
  private ready: readonly Replica[] = [];
  private turn = 0;
  private stopped = false;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server = createServer((socket) => void this.serve(socket));

  /** @param replicas of the moment */
  constructor(private readonly replicas: () => readonly Replica[]) {}

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    await this.check();
    void this.watch();
  }

  stop(): void {
    this.stopped = true;
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private async watch(): Promise<void> {
    while (!this.stopped) {
      await sleep(CHECK_INTERVAL_MS);
      await this.check();
    }
  }

  private async check(): Promise<void> {
    const replicas = this.replicas();
    const answers = await Promise.all(replicas.map((replica) => replica.isReady().catch(() => false)));
    this.ready = replicas.filter((_, index) => answers[index]);
  }

  private async serve(client: Socket): Promise<void> {
    this.keep(client);
    const candidates = this.ready.map((_, index) => this.ready[(this.turn + index) % this.ready.length]);
    this.turn += 1;
    for (const candidate of candidates) {
      const target = candidate && (await connected(candidate.port));
      if (!target) continue;
      this.keep(target);
      client.pipe(target).pipe(client);
      client.once('close', () => target.destroy());
      target.once('close', () => client.destroy());
      return;
    }
    client.destroy();
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.sockets.delete(socket));
  }
}

const connected = (port: number): Promise<Socket | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      resolve(socket);
    });
    socket.once('error', () => {
      resolve(undefined);
    });
  });
