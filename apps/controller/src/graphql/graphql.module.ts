import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ApolloServerPlugin } from '@apollo/server';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { GraphQLModule as NestGraphQLModule } from '@nestjs/graphql';
import { AuthModule } from '../auth/auth.module.js';
import { AuthService } from '../auth/auth.service.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { formatError } from './format-error.js';
import { limitSize, MAX_TOKENS } from './limits.js';
import { observeOperations } from './observe-operations.js';
import { RefusalFilter } from './refusal.filter.js';
import { clientAddress } from '../http/client-address.js';
import { RequestContext } from './request-context.js';

/** Ends the request's reading transaction before the answer is sent. */
const finishReading: ApolloServerPlugin<RequestContext> = {
  requestDidStart: () => Promise.resolve({ willSendResponse: ({ contextValue }) => contextValue.finish() }),
};

/** The API at `/graphql`, from the classes that the feature modules bring; the SDL is committed as schema.graphql. */
@Module({
  imports: [
    NestGraphQLModule.forRootAsync<ApolloDriverConfig>({
      driver: ApolloDriver,
      imports: [AuthModule],
      inject: [AuthService, TenantDatabase],
      useFactory: (auth: AuthService, database: TenantDatabase): Omit<ApolloDriverConfig, 'driver'> => ({
        path: '/graphql',
        autoSchemaFile: true,
        sortSchema: true,
        playground: false,
        graphiql: false,
        introspection: true,
        csrfPrevention: true,
        includeStacktraceInErrorResponses: false,
        stopOnTerminationSignals: false,
        parseOptions: { maxTokens: MAX_TOKENS },
        validationRules: [limitSize],
        formatError,
        plugins: [finishReading as ApolloServerPlugin, observeOperations as ApolloServerPlugin],
        context: async ({
          req,
          res,
        }: {
          req: IncomingMessage;
          res: ServerResponse;
        }): Promise<RequestContext> => {
          const remoteAddress = clientAddress(req);
          const principal = await auth.authenticate({ headers: req.headers, remoteAddress });
          return new RequestContext(req, res, database, principal);
        },
      }),
    }),
  ],
  providers: [{ provide: APP_FILTER, useClass: RefusalFilter }],
})
export class GraphQLModule {}
