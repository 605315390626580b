import type { IncomingMessage } from 'node:http';
import { Logger } from '@nestjs/common';
import type { WebSocket } from 'ws';
import type { AuthService } from '../auth/auth.service.js';
import type { RequestHead } from '../auth/credentials.js';
import type { Principal } from '../auth/principal.js';
import type { ChangeFeed } from '../changes/change.js';
import { clientAddress } from '../http/client-address.js';
import { CLOSE_UNAUTHENTICATED } from '../live/live.gateway.js';

/** How often a credential is looked at again, besides the times when something of access changed: it may have expired. */
const RECHECK_INTERVAL_MS = 30_000;

/** Who a connection belongs to, for as long as their session or token is good and says the same. */
export class ConnectionAccess {
  private readonly logger = new Logger(ConnectionAccess.name);
  private readonly timer: NodeJS.Timeout;
  private readonly stopListening: () => void;
  private checking = false;
  private again = false;

  private constructor(
    private readonly auth: AuthService,
    private readonly head: RequestHead,
    private readonly socket: WebSocket,
    readonly principal: Principal,
    feed: ChangeFeed,
  ) {
    this.timer = setInterval(() => void this.recheck(), RECHECK_INTERVAL_MS);
    this.timer.unref();
    this.stopListening = feed.listen(principal.organizationId, ({ kind }) => {
      if (kind === 'access') void this.recheck();
    });
    socket.once('close', () => {
      this.end();
    });
  }

  /**
   * @param authorization of connection_init, which counts before the request's own credentials
   * @returns undefined for whoever is not signed in
   */
  static async open(
    { auth, feed }: { readonly auth: AuthService; readonly feed: ChangeFeed },
    request: IncomingMessage,
    socket: WebSocket,
    authorization: string | undefined,
  ): Promise<ConnectionAccess | undefined> {
    const { headers } = request;
    const head = {
      headers: authorization === undefined ? headers : { ...headers, authorization },
      remoteAddress: clientAddress(request),
    };
    const principal = await auth.authenticate(head);
    if (principal === undefined || socket.readyState !== socket.OPEN) return undefined;
    return new ConnectionAccess(auth, head, socket, principal, feed);
  }

  private end(): void {
    clearInterval(this.timer);
    this.stopListening();
  }

  private async recheck(): Promise<void> {
    this.again = this.checking;
    if (this.checking) return;
    this.checking = true;
    try {
      const now = await this.auth.authenticate(this.head);
      if (now === undefined || !isSame(now, this.principal)) {
        this.socket.close(CLOSE_UNAUTHENTICATED, 'sign in again');
      }
    } catch (error) {
      // The database is away for a moment.
      this.logger.warn(`a subscriber's credential could not be looked at: ${String(error)}`);
    } finally {
      this.checking = false;
    }
    if (this.again) await this.recheck();
  }
}

const isSame = (a: Principal, b: Principal): boolean =>
  a.id === b.id && a.organizationId === b.organizationId && a.role === b.role;
