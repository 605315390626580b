import 'reflect-metadata';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { ONLINE_AGENTS } from '../agents/online.js';
import { ApiModule } from '../api.module.js';
import { CHANGE_FEED } from '../changes/change.js';
import { CONTROLLER_STATE } from '../bootstrap/controller-state.module.js';
import { ConfigModule } from '../config/config.module.js';
import { loadSettings } from '../config/settings.js';
import { DatabaseModule } from '../database/database.module.js';

const HEADER = '# Generated from the classes in src by "npm run schema"; a test sees that it is current.\n\n';

/** Where nothing is: describing the API asks for no connection. */
const NOWHERE = 'postgresql://nobody@127.0.0.1:1/nowhere';

@Global()
@Module({
  providers: [
    { provide: CONTROLLER_STATE, useValue: { sessionSecret: 'unused', caSha256: 'unused' } },
    { provide: ONLINE_AGENTS, useValue: { isOnline: () => false } },
    { provide: CHANGE_FEED, useValue: { listen: () => () => undefined } },
  ],
  exports: [CONTROLLER_STATE, ONLINE_AGENTS, CHANGE_FEED],
})
class Unconnected {}

@Module({})
class DescriptionModule {
  static create(): DynamicModule {
    const settings = loadSettings({
      DATABASE_URL: NOWHERE,
      DATABASE_OWNER_URL: NOWHERE,
      DATABASE_WORKER_URL: NOWHERE,
      NATS_URL: 'nats://127.0.0.1:1',
    });
    return {
      module: DescriptionModule,
      imports: [ConfigModule.with(settings), DatabaseModule, Unconnected, ApiModule],
    };
  }
}

/** The SDL of the API, as it is committed. */
export const describeSchema = async (): Promise<string> => {
  const app = await NestFactory.create(DescriptionModule.create(), { logger: false, abortOnError: false });
  try {
    await app.init();
    const { schema } = app.get(GraphQLSchemaHost, { strict: false });
    return `${HEADER}${printSchema(lexicographicSortSchema(schema))}\n`;
  } finally {
    await app.close();
  }
};
