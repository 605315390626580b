import { ServerResponse, type IncomingMessage } from 'node:http';
import { Inject, Logger } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import { WebSocketGateway, type OnGatewayInit } from '@nestjs/websockets';
import { GraphQLError, type ExecutionArgs, type GraphQLFormattedError } from 'graphql';
import type { Context, SubscribePayload } from 'graphql-ws';
import { useServer, type Extra } from 'graphql-ws/use/ws';
import type { WebSocketServer } from 'ws';
import { AuthService } from '../auth/auth.service.js';
import { CHANGE_FEED, type ChangeFeed } from '../changes/change.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { formatError } from '../graphql/format-error.js';
import { RequestContext } from '../graphql/request-context.js';
import { CLOSE_FORBIDDEN, CLOSE_UNAUTHENTICATED } from '../live/live.gateway.js';
import { isOwnOrigin } from '../live/origin.js';
import { ConnectionAccess } from './connection-access.js';
import { subscribeAnew } from './subscribe-anew.js';
import { prepareSubscription } from './subscription-document.js';

/** As large as a document may be; a connection_init is smaller. */
const MAX_MESSAGE_BYTES = 64 * 1024;
/** A client that does not answer a ping for so long is gone, in milliseconds. */
const KEEP_ALIVE_MS = 30_000;
/** RFC 6455, 7.4.1. */
const CLOSE_TRY_AGAIN = 1013;
const INIT_TIMEOUT_MS = 10_000;
/** Of one connection. */
export const MAX_SUBSCRIPTIONS = 50;

interface Opened {
  access: ConnectionAccess;
}
type Connection = Context<Record<string, unknown>, Extra & Partial<Opened>>;

/** Subscriptions at WebSocket `/graphql`, by the protocol graphql-transport-ws. */
@WebSocketGateway({ path: '/graphql', maxPayload: MAX_MESSAGE_BYTES })
export class SubscriptionsGateway implements OnGatewayInit<WebSocketServer> {
  private readonly logger = new Logger(SubscriptionsGateway.name);

  constructor(
    @Inject(AuthService) private readonly auth: AuthService,
    @Inject(TenantDatabase) private readonly database: TenantDatabase,
    @Inject(CHANGE_FEED) private readonly feed: ChangeFeed,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
  ) {}

  afterInit(server: WebSocketServer): void {
    useServer<Record<string, unknown>, Partial<Opened>>(
      {
        connectionInitWaitTimeout: INIT_TIMEOUT_MS,
        onConnect: (connection) => this.admit(connection),
        onSubscribe: (connection, _id, payload) => this.prepare(connection, payload),
        subscribe: (args) => this.subscribe(args as ExecutionArgs & { contextValue: RequestContext }),
        onNext: (_connection, _id, _payload, _args, { errors, ...result }) =>
          errors === undefined ? undefined : { ...result, errors: errors.map(toClient) },
        onError: (_connection, _id, _payload, errors) => errors.map(toClient),
        isProd: true,
      },
      server,
      KEEP_ALIVE_MS,
    );
  }

  /** Whether a connection may be made; it is closed with a code that says why not. */
  private async admit({ connectionParams, extra }: Connection): Promise<boolean> {
    const { auth, feed } = this;
    const { socket, request } = extra;
    if (!isOwnOrigin(request.headers)) {
      socket.close(CLOSE_FORBIDDEN, 'the page is of another origin');
      return false;
    }
    const given = connectionParams?.['authorization'];
    const authorization = typeof given === 'string' ? given : undefined;
    try {
      const access = await ConnectionAccess.open({ auth, feed }, request, socket, authorization);
      if (access === undefined) socket.close(CLOSE_UNAUTHENTICATED, 'sign in');
      else extra.access = access;
      return access !== undefined;
    } catch (error) {
      this.logger.warn(`a subscriber could not be let in: ${String(error)}`);
      socket.close(CLOSE_TRY_AGAIN, 'try again');
      return false;
    }
  }

  private prepare(
    { extra, subscriptions }: Connection,
    payload: SubscribePayload,
  ): ExecutionArgs | readonly GraphQLError[] {
    const { access, request } = extra;
    if (access === undefined)
      return [new GraphQLError('Sign in.', { extensions: { code: 'UNAUTHENTICATED' } })];
    if (Object.keys(subscriptions).length > MAX_SUBSCRIPTIONS) {
      const message = `A connection has at most ${String(MAX_SUBSCRIPTIONS)} subscriptions: complete one, or open another.`;
      return [new GraphQLError(message, { extensions: { code: 'RATE_LIMITED' } })];
    }
    const { schema } = this.modules.get(GraphQLSchemaHost, { strict: false });
    const prepared = prepareSubscription(schema, payload);
    return 'document' in prepared
      ? { ...prepared, contextValue: this.contextFor(access, request) }
      : prepared;
  }

  private async subscribe(args: ExecutionArgs & { contextValue: RequestContext }) {
    const { req, principal } = args.contextValue;
    return subscribeAnew(
      args,
      () => new RequestContext(req, new ServerResponse(req), this.database, principal),
    );
  }

  private contextFor({ principal }: ConnectionAccess, request: IncomingMessage): RequestContext {
    return new RequestContext(request, new ServerResponse(request), this.database, principal);
  }
}

/** As over HTTP: our own errors as they are, of others a number. */
const toClient = (error: GraphQLError | GraphQLFormattedError): GraphQLFormattedError =>
  formatError(error instanceof GraphQLError ? error.toJSON() : error, error);
