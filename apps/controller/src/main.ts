import { loadSettings, SettingsError } from './config/settings.js';
import { startController } from './start.js';

/** Longer than any request takes, in milliseconds. */
const SHUTDOWN_PATIENCE_MS = 10_000;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const fail = (message: string): never => {
  for (const line of message.split('\n')) process.stderr.write(`longhaul controller: ${line}\n`);
  process.exit(1);
};

const main = async (): Promise<void> => {
  const controller = await startController(loadSettings(process.env), say);
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) process.exit(1);
    stopping = true;
    controller.logger.info({ signal }, 'stopping');
    setTimeout(() => process.exit(1), SHUTDOWN_PATIENCE_MS).unref();
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
