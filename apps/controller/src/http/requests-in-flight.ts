import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** Counts the requests of a server that have no answer yet, so that its end can wait for them. */
export class RequestsInFlight {
  private readonly open = new Set<ServerResponse>();
  private ending = false;
  private whenIdle: () => void = () => undefined;

  constructor(private readonly server: Server) {
    // Before whoever answers: what is answered at once counts as well.
    server.prependListener('request', (_request: IncomingMessage, response: ServerResponse) => {
      if (this.ending) response.setHeader('Connection', 'close');
      this.open.add(response);
      response.once('close', () => {
        this.open.delete(response);
        if (this.open.size === 0) this.whenIdle();
      });
    });
  }

  /** From now on every answer asks its client to come by another connection next time, which finds another replica. */
  sendAway(): void {
    this.ending = true;
    for (const response of this.open) if (!response.headersSent) response.setHeader('Connection', 'close');
  }

  /** Takes no more connections. @returns how many requests were still without an answer after `patienceMs` */
  async finish(patienceMs: number): Promise<number> {
    this.sendAway();
    this.server.close();
    if (this.open.size > 0) {
      const idle = new Promise<void>((resolve) => {
        this.whenIdle = resolve;
      });
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, patienceMs);
      });
      await Promise.race([idle, patience]);
      clearTimeout(timer);
    }
    return this.open.size;
  }
}
