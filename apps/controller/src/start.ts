import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Logger } from 'pino';
import { AppModule } from './app.module.js';
import { ensureFirstOwner } from './auth/first-start.js';
import { prepareControllerState, type ControllerState } from './bootstrap/prepare.js';
import type { Settings } from './config/settings.js';
import { migrate } from './database/migrate.js';
import { TenantDatabase } from './database/tenant-database.js';
import { WorkerDatabase } from './database/worker-database.js';
import { AGENT_API_PREFIX, agentApiGate } from './enrollment/agent-api-gate.js';
import { EnrollmentRefusals } from './enrollment/refusals.js';
import { trustProxies } from './http/client-address.js';
import { listenAtAll } from './http/listeners.js';
import { observeRequests } from './http/observe-requests.js';
import { RequestsInFlight } from './http/requests-in-flight.js';
import { Shutdown } from './http/shutdown.js';
import { servePortal } from './http/portal.js';
import { securityHeaders } from './http/security-headers.js';
import { UpgradeAdapter } from './live/upgrade-adapter.js';
import { createLogger, NestLogger } from './logging/pino-logger.js';
import { serveMetrics } from './metrics/metrics-server.js';
import { registry } from './metrics/metrics.js';
import { startTracing } from './tracing/tracing.js';

/** A policy of a thousand rules has some 500 kB. */
const MAX_BODY = '2mb';
/** How often certificates are looked after, in milliseconds. */
const CERTIFICATE_CHECK_MS = 12 * 3600 * 1000;

/** Longer than any request takes; what has no answer then is cut off. In milliseconds. */
const REQUEST_PATIENCE_MS = 10_000;

/** A controller that serves. */
export interface RunningController {
  readonly app: NestExpressApplication;
  readonly logger: Logger;
  /**
   * Ends in order: it is not ready any more, and waits until balancers have noticed; takes no more connections, sends those
   * who watch away (1001), answers what it was asked; its workers finish what they hold, and other replicas take the rest.
   */
  stop(): Promise<void>;
}

/**
 * Starts a controller: migrates the database, makes what the state folder lacks, and listens.
 *
 * @param announce gets lines for a person: the first owner's password, which is shown once
 * @throws Error whose message says what to do
 */
export const startController = async (
  settings: Settings,
  announce: (line: string) => void,
): Promise<RunningController> => {
  const logger = createLogger(settings.logLevel);
  const applied = await migrateOrExplain(settings.database.ownerUrl);
  if (applied.length > 0) logger.info({ migrations: applied }, 'database migrated');
  const hosts = certificateHosts(settings);
  const state = await prepareControllerState(settings.stateDir, { hosts });
  const stopTracing = settings.tracing && startTracing(settings.tracing);
  const { app, sockets } = await createApp(settings, state, logger);
  try {
    await announceFirstOwner(app, settings, announce);
    const server = app.getHttpServer() as HttpsServer;
    const requests = new RequestsInFlight(server as unknown as Server);
    trustProxies(server, settings.trustedProxies);
    await app.init();
    const closeDoors = await listenAtAll(server, settings.listen);
    const closeMetrics = settings.metricsListen && (await serveMetrics(registry, settings.metricsListen));
    const renewing = setInterval(
      () => void renewCertificate(server, settings.stateDir, hosts, logger),
      CERTIFICATE_CHECK_MS,
    );
    renewing.unref();
    logger.info({ listen: settings.listen, url: settings.publicUrl }, 'controller serves');
    return {
      app,
      logger,
      stop: async () => {
        clearInterval(renewing);
        app.get(Shutdown, { strict: false }).begin();
        requests.sendAway();
        await sleep(settings.drainMs);
        closeDoors();
        closeMetrics?.();
        const [unanswered] = await Promise.all([requests.finish(REQUEST_PATIENCE_MS), sockets.sendAway()]);
        if (unanswered > 0) logger.warn({ unanswered }, 'requests were cut off');
        await app.close();
        await stopTracing?.();
        logger.info('controller stopped');
      },
    };
  } catch (error) {
    await app.close();
    await stopTracing?.();
    throw error;
  }
};

const migrateOrExplain = async (ownerUrl: string): Promise<string[]> => {
  try {
    return await migrate(ownerUrl);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException | undefined)?.code;
    const { host } = new URL(ownerUrl);
    if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'ETIMEDOUT') {
      throw new Error(
        `No PostgreSQL answers at ${host} (${code}): start it, or correct DATABASE_OWNER_URL.`,
        {
          cause: error,
        },
      );
    }
    if (code === '28P01' || code === '28000' || code === '3D000') {
      throw new Error(
        `PostgreSQL at ${host} refuses (${error instanceof Error ? error.message : code}): see prisma/roles.sql for the roles and the database that it needs.`,
        { cause: error },
      );
    }
    throw error;
  }
};

/** Names and addresses by which browsers and agents reach this controller and its nats-server. */
const certificateHosts = ({ publicUrl, natsPublicUrls, listen }: Settings): string[] =>
  [
    ...[publicUrl, ...natsPublicUrls].map((url) => new URL(url).hostname.replace(/^\[|\]$/g, '')),
    ...listen.map(({ host }) => host),
  ].filter((host) => host !== '0.0.0.0' && host !== '::');

const readTls = (state: ControllerState): { cert: Buffer; key: Buffer } => ({
  cert: readFileSync(state.controllerTls.certFile),
  key: readFileSync(state.controllerTls.keyFile),
});

const createApp = async (
  settings: Settings,
  state: ControllerState,
  logger: Logger,
): Promise<{ app: NestExpressApplication; sockets: UpgradeAdapter }> => {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(settings, state), {
    httpsOptions: readTls(state),
    logger: new NestLogger(logger),
    bodyParser: false,
    forceCloseConnections: true,
    abortOnError: false,
  });
  app.disable('x-powered-by');
  const sockets = new UpgradeAdapter(app);
  app.useWebSocketAdapter(sockets);
  app.use(observeRequests);
  app.use(securityHeaders);
  const refusals = app.get(EnrollmentRefusals, { strict: false });
  app.use(
    AGENT_API_PREFIX,
    agentApiGate(settings.agentApi, (origin) => {
      refusals.noteTurnedAway(origin);
    }),
  );
  app.useBodyParser('json', { limit: MAX_BODY });
  servePortal(app);
  return { app, sockets };
};

const announceFirstOwner = async (
  app: NestExpressApplication,
  settings: Settings,
  announce: (line: string) => void,
): Promise<void> => {
  const owner = await ensureFirstOwner(app.get(WorkerDatabase), app.get(TenantDatabase), settings);
  if (owner?.generatedPassword === undefined) return;
  announce(`First start. Sign in at ${settings.publicUrl} as ${owner.email}`);
  announce(`with the password ${owner.generatedPassword} (shown only now; change it after signing in).`);
};

const renewCertificate = async (
  server: HttpsServer,
  stateDir: string,
  hosts: readonly string[],
  logger: Logger,
): Promise<void> => {
  try {
    const state = await prepareControllerState(stateDir, { hosts });
    if (state.certificatesChanged) server.setSecureContext(readTls(state));
  } catch (error) {
    logger.error({ error }, 'the certificate could not be renewed');
  }
};
