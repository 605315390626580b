import { loadSettings, SettingsError } from './config/settings.js';
import { startController } from './start.js';

/** How long the end may take after balancers were given their time, in milliseconds: requests, then the workers. */
const SHUTDOWN_PATIENCE_MS = 20_000;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const fail = (message: string): never => {
  for (const line of message.split('\n')) process.stderr.write(`longhaul controller: ${line}\n`);
  process.exit(1);
};

const main = async (): Promise<void> => {
  const settings = loadSettings(process.env);
  const controller = await startController(settings, say);
  let stopping = false;
  /** In order; a second signal ends it at once. */
  const stop = (signal: string): void => {
    if (stopping) process.exit(1);
    stopping = true;
    controller.logger.info({ signal }, 'stopping');
    setTimeout(() => {
      controller.logger.error('the time to stop in order is over');
      process.exit(1);
    }, settings.drainMs + SHUTDOWN_PATIENCE_MS).unref();
    controller.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        controller.logger.error({ error }, 'could not stop in order');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
};

await main().catch((error: unknown) => {
  if (error instanceof SettingsError) fail(error.message);
  fail(error instanceof Error ? error.message : String(error));
});
