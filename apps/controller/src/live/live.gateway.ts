import type { IncomingMessage } from 'node:http';
import { Inject, Logger } from '@nestjs/common';
import { WebSocketGateway, type OnGatewayConnection, type OnGatewayDisconnect } from '@nestjs/websockets';
import type { WebSocket } from 'ws';
import { AuthService } from '../auth/auth.service.js';
import { mayDo, type Principal } from '../auth/principal.js';
import { LiveFeeds } from './live-feeds.js';
import { clientAddress } from '../http/client-address.js';
import { isOwnOrigin } from './origin.js';

/** Close codes, which a browser can read (it cannot read an HTTP status). */
export const CLOSE_UNAUTHENTICATED = 4401;
export const CLOSE_FORBIDDEN = 4403;
const CLOSE_TRY_AGAIN = 1013;

/** How often a viewer's credential is looked at again: who signed out sees no more. */
const RECHECK_INTERVAL_MS = 30_000;

interface Visit {
  readonly organizationId: string;
  readonly recheck: NodeJS.Timeout;
}

/** WebSocket `/live`: a frame a second for whoever may read the organization. */
@WebSocketGateway({ path: '/live' })
export class LiveGateway implements OnGatewayConnection<WebSocket>, OnGatewayDisconnect<WebSocket> {
  private readonly logger = new Logger(LiveGateway.name);
  private readonly visits = new Map<WebSocket, Visit>();

  constructor(
    @Inject(AuthService) private readonly auth: AuthService,
    @Inject(LiveFeeds) private readonly feeds: LiveFeeds,
  ) {}

  async handleConnection(client: WebSocket, request: IncomingMessage): Promise<void> {
    try {
      const principal = await this.admit(client, request);
      if (principal === undefined || client.readyState !== client.OPEN) return;
      const { organizationId } = principal;
      const recheck = setInterval(() => void this.recheck(client, request), RECHECK_INTERVAL_MS);
      recheck.unref();
      this.visits.set(client, { organizationId, recheck });
      this.feeds.join(organizationId, client);
    } catch (error) {
      this.logger.warn(`a viewer could not be let in: ${String(error)}`);
      client.close(CLOSE_TRY_AGAIN, 'try again');
    }
  }

  handleDisconnect(client: WebSocket): void {
    const visit = this.visits.get(client);
    if (visit === undefined) return;
    this.visits.delete(client);
    clearInterval(visit.recheck);
    this.feeds.leave(visit.organizationId, client);
  }

  private async admit(client: WebSocket, request: IncomingMessage): Promise<Principal | undefined> {
    const { headers } = request;
    if (!isOwnOrigin(headers)) {
      client.close(CLOSE_FORBIDDEN, 'the page is of another origin');
      return undefined;
    }
    const principal = await this.auth.authenticate({ headers, remoteAddress: clientAddress(request) });
    if (principal === undefined) {
      client.close(CLOSE_UNAUTHENTICATED, 'sign in');
      return undefined;
    }
    if (!mayDo(principal, 'read')) {
      client.close(CLOSE_FORBIDDEN, 'the token lacks the scope "read"');
      return undefined;
    }
    return principal;
  }

  private async recheck(client: WebSocket, request: IncomingMessage): Promise<void> {
    try {
      const principal = await this.admit(client, request);
      if (principal === undefined) this.handleDisconnect(client);
    } catch (error) {
      // The database is away for a moment.
      this.logger.warn(`a viewer's credential could not be looked at: ${String(error)}`);
    }
  }
}
