import type { IncomingMessage, ServerResponse } from 'node:http';
import type DataLoader from 'dataloader';
import type { Principal } from '../auth/principal.js';
import type { Transaction } from '../database/prisma.js';
import type { TenantDatabase } from '../database/tenant-database.js';
import { ApiError } from './errors.js';
import type { LoaderDefinition } from './loader.js';

interface OpenRead {
  readonly tx: Promise<Transaction>;
  readonly end: () => void;
  readonly ended: Promise<void>;
}

/**
 * What belongs to one GraphQL request: who asks, and the database as they see it. Everything that is read shares one
 * transaction; each mutation has its own, so that each happens as a whole or not at all.
 */
export class RequestContext {
  private reading: OpenRead | undefined;
  private readonly loaders = new Map<object, DataLoader<string, unknown>>();

  constructor(
    readonly req: IncomingMessage,
    readonly res: ServerResponse,
    private readonly database: TenantDatabase,
    private signedIn: Principal | undefined,
  ) {}

  get principalOrUndefined(): Principal | undefined {
    return this.signedIn;
  }

  /** @throws ApiError UNAUTHENTICATED */
  get principal(): Principal {
    if (this.signedIn === undefined) {
      throw new ApiError(
        'UNAUTHENTICATED',
        'Sign in, or send an API token as "Authorization: Bearer lh_api_…".',
      );
    }
    return this.signedIn;
  }

  get organizationId(): string {
    return this.principal.organizationId;
  }

  /** The rest of the request is served to somebody else. */
  async become(principal: Principal | undefined): Promise<void> {
    await this.finish();
    this.signedIn = principal;
  }

  /** Reads in the request's own transaction. */
  async read<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    this.reading ??= this.openRead();
    return work(await this.reading.tx);
  }

  /** Changes in a transaction of its own, after the reading one has ended: a request never holds two connections. */
  async write<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    await this.finish();
    return this.database.transaction(this.organizationId, work);
  }

  /** What is loaded by key, in batches. */
  loader<Value>(definition: LoaderDefinition<Value>): DataLoader<string, Value | undefined> {
    const known = this.loaders.get(definition) ?? definition.create(this);
    this.loaders.set(definition, known);
    return known as DataLoader<string, Value | undefined>;
  }

  /** Ends the reading transaction and forgets what was read; a later read begins anew. */
  async finish(): Promise<void> {
    const reading = this.reading;
    this.reading = undefined;
    this.loaders.clear();
    reading?.end();
    await reading?.ended;
  }

  private openRead(): OpenRead {
    const { promise: tx, resolve: opened, reject } = promiseWithResolvers<Transaction>();
    const { promise: released, resolve: end } = promiseWithResolvers<undefined>();
    const ended = this.database
      .transaction(this.organizationId, async (transaction) => {
        opened(transaction);
        await released;
      })
      .catch(reject);
    return {
      tx,
      end: () => {
        end(undefined);
      },
      ended,
    };
  }
}

interface Resolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** As `Promise.withResolvers`, which Node 20 lacks. */
const promiseWithResolvers = <T>(): Resolvers<T> => {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
};
