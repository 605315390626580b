import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { freePort, startNats } from '@longhaul/embedded-services';
import { prepareControllerState, type ControllerState } from '../bootstrap/prepare.js';
import { eventually } from '../testing/eventually.js';
import { DurableWorker } from './durable-worker.js';
import { NatsService } from './nats.service.js';
import { STATUS_CONSUMER, STATUS_STREAM } from './streams.js';

describe('a nats-server that is not there', () => {
  const root = mkdtempSync(join(tmpdir(), 'longhaul-nats-away-'));
  let state: ControllerState;

  beforeAll(async () => {
    Logger.overrideLogger(['fatal']);
    state = await prepareControllerState(join(root, 'controller'), { hosts: [] });
  });

  afterAll(() => {
    rmSync(root, { recursive: true, force: true });
  });

  const workerOf = (service: NatsService, onMessage: (data: string) => void): DurableWorker =>
    new DurableWorker(service, {
      stream: STATUS_STREAM,
      consumer: STATUS_CONSUMER,
      maxBatch: 10,
      lingerMs: 5,
      store: (messages) => {
        for (const message of messages) onMessage(message.string());
        return Promise.resolve();
      },
    });

  it('is waited for, and stopping does not have to wait for it', async () => {
    const url = `nats://127.0.0.1:${String(await freePort())}`;
    const service = new NatsService({ url, state, allowOldServer: true });
    const started = service.start();
    const worker = workerOf(service, () => undefined);
    worker.start();
    await worker.stop();
    await service.close();
    await expect(started).rejects.toThrow(/abort/i);
    expect(service.isUp).toBe(false);
  });

  it('is used as soon as it comes', async () => {
    const port = await freePort();
    const url = `nats://127.0.0.1:${String(port)}`;
    const service = new NatsService({ url, state, allowOldServer: true });
    const started = service.start();
    const heard: string[] = [];
    const worker = workerOf(service, (data) => heard.push(data));
    worker.start();
    const server = await startNats({ stateDir: join(root, 'nats'), config: state.natsConfigFile, port });
    await started;
    const subject = `lh.${randomUUID()}.${randomUUID()}.up.hello`;
    await (await service.agents()).request(subject, 'here', { timeout: 20_000 });
    await eventually(() => heard.length > 0);
    expect(heard).toEqual(['here']);
    await worker.stop();
    await service.close();
    await server.stop();
  });

  it('that is too old is refused, unless that is allowed', async () => {
    const server = await startNats({ stateDir: join(root, 'nats'), config: state.natsConfigFile });
    const service = new NatsService({ url: server.url, state, allowOldServer: false });
    // Debian 12's; a newer one is taken.
    const outcome = await service.start().then(
      () => 'taken',
      (error: unknown) => String(error),
    );
    expect(outcome).toMatch(/^taken$|nats-server [\d.]+ is older than 2\.10\.27.*LONGHAUL_NATS_ALLOW_OLD/);
    await service.close();
    await server.stop();
  });
});
