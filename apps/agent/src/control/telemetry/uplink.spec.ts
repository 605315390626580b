import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  flowTelemetrySchema,
  linkTelemetrySchema,
  subjects,
  type FlowRecord,
  type LinkRecord,
} from '@longhaul/contracts';
import { createUser, fromSeed } from '@nats-io/nkeys';
import { jwtAuthenticator } from '@nats-io/transport-node';
import { pino } from 'pino';
import { NatsLink } from '../nats-link.js';
import { TestCa } from '../testing/certificates.js';
import { eventually } from '../testing/eventually.js';
import { TestNats } from '../testing/test-nats.js';
import { TelemetryUplink } from './uplink.js';

/** Told apart by their time. */
const link = (atMs: number): LinkRecord => ({
  peerAgentId: '6f1c2f5e-6d5c-4d0a-9a58-0b1d8b7b2c11',
  atMs,
  intervalMs: 1000,
  state: 'up',
  bytesSent: 1,
  bytesReceived: 2,
  wireBytesSent: 3,
  wireBytesReceived: 4,
  packetsSent: 5,
  packetsLost: 0,
  packetsRetransmitted: 0,
  packetsSpurious: 0,
  minRttMs: 10,
  smoothedRttMs: 11,
  queueDelayMs: null,
  pacingMbps: 100,
  mtu: 1472,
  openStreams: 1,
});
const flow = (atMs: number, reason: string | null = null): FlowRecord => ({
  flowId: '6f1c2f5e-6d5c-4d0a-9a58-0b1d8b7b2c12',
  peerAgentId: null,
  atMs,
  startedAtMs: 1,
  source: '192.0.2.1',
  destination: '192.0.2.2',
  destinationPort: 22,
  ruleId: null,
  handling: 'passed',
  ended: null,
  reason,
  bytesUp: 1,
  bytesDown: 1,
  encodedBytesUp: 1,
  encodedBytesDown: 1,
});

describe('telemetry on its way to JetStream', () => {
  let dir: string;
  let nats: TestNats;
  let ca: TestCa;
  const log = pino({ level: process.env['LOG_LEVEL'] ?? 'silent' });

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'longhaul-uplink-'));
    ca = await TestCa.create();
    nats = await TestNats.start(join(dir, 'nats'), ca);
  });
  afterAll(async () => {
    await nats.stop();
    await rm(dir, { recursive: true });
  });

  /** An uplink over a link with an agent's own credential. */
  async function uplink(bufferBytes?: number) {
    const ids = { organizationId: randomUUID(), agentId: randomUUID(), bootId: randomUUID() };
    const seed = createUser().getSeed();
    const jwt = await nats.agentJwt(ids.organizationId, ids.agentId, fromSeed(seed).getPublicKey());
    const up = new TelemetryUplink({ ...ids, log, bufferBytes });
    const natsLink = new NatsLink({
      access: () => ({
        urls: nats.urls,
        authenticator: jwtAuthenticator(jwt, seed),
        caPem: ca.pem,
        inboxPrefix: subjects.inboxPrefix(ids.agentId),
        name: 'test',
      }),
      onConnected: (connection) => up.attach(connection),
      onDisconnected: () => up.detach(),
      onRefused: () => undefined,
      log,
      reconnectMaxMs: 200,
    });
    const stored = async () =>
      (await nats.telemetry()).filter(({ subject }) => subject.includes(ids.agentId));
    const storedLinks = async () =>
      (await stored())
        .filter(({ subject }) => subject.endsWith('.link'))
        .map(({ body }) => linkTelemetrySchema.parse(body));
    const storedFlows = async () =>
      (await stored())
        .filter(({ subject }) => subject.endsWith('.flow'))
        .map(({ body }) => flowTelemetrySchema.parse(body));
    return { up, natsLink, ids, storedLinks, storedFlows };
  }

  it('stores batches of each kind in the form of the contract, numbered from nought', async () => {
    const { up, natsLink, ids, storedLinks, storedFlows } = await uplink();
    natsLink.start();
    up.links([link(1), link(2)]);
    up.flows([flow(3)]);
    up.closeBatches();
    up.links([link(4)]);
    up.closeBatches();
    up.closeBatches();
    await eventually('everything is stored', () => up.statistics.deliveredBatches === 3);
    const links = (await storedLinks()).sort((a, b) => a.sequence - b.sequence);
    expect(links.map(({ bootId, sequence }) => [bootId, sequence])).toEqual([
      [ids.bootId, 0],
      [ids.bootId, 1],
    ]);
    expect(links.map((batch) => batch.links)).toEqual([[link(1), link(2)], [link(4)]]);
    expect(await storedFlows()).toMatchObject([{ sequence: 0, flows: [flow(3)] }]);
    await up.stop();
    await natsLink.stop();
  });

  it('loses and doubles nothing when nats-server is killed with -9 in the middle and started again', async () => {
    const { up, natsLink, storedLinks } = await uplink();
    natsLink.start();
    let atMs = 0;
    const emit = (batches: number) => {
      for (let batch = 0; batch < batches; batch++) {
        up.links([link(atMs++), link(atMs++)]);
        up.closeBatches();
      }
    };
    await eventually('the connection', () => natsLink.current);
    for (let round = 0; round < 3; round++) {
      emit(200);
      await eventually(
        'some are stored, others are on their way',
        () => up.statistics.deliveredBatches > round * 300,
      );
      await nats.server.kill();
      emit(100);
      await nats.server.restart();
    }
    await eventually('everything is stored', () => up.statistics.bufferedBatches === 0);
    const batches = await storedLinks();
    const sequences = batches.map(({ sequence }) => sequence).sort((a, b) => a - b);
    expect(sequences).toEqual(Array.from({ length: 900 }, (_, index) => index));
    const times = batches.flatMap(({ links }) => links.map((record) => record.atMs)).sort((a, b) => a - b);
    expect(times).toEqual(Array.from({ length: atMs }, (_, index) => index));
    expect(up.statistics).toMatchObject({ droppedBatches: 0, droppedRecords: 0, deliveredBatches: 900 });
    await up.stop();
    await natsLink.stop();
  });

  it('keeps the newest within its bound while NATS is away, and counts what it drops', async () => {
    const bound = 20_000;
    const { up, natsLink, storedFlows } = await uplink(bound);
    for (let atMs = 0; atMs < 300; atMs++) {
      up.flows([flow(atMs)]);
      up.closeBatches();
      expect(up.statistics.bufferedBytes).toBeLessThanOrEqual(bound);
    }
    const { bufferedBatches, droppedBatches } = up.statistics;
    expect(bufferedBatches + droppedBatches).toBe(300);
    expect(bufferedBatches).toBeGreaterThan(10);
    natsLink.start();
    await eventually('the rest is stored', () => up.statistics.bufferedBatches === 0);
    const sequences = (await storedFlows()).map(({ sequence }) => sequence).sort((a, b) => a - b);
    expect(sequences).toEqual(Array.from({ length: bufferedBatches }, (_, index) => droppedBatches + index));
    await up.stop();
    await natsLink.stop();
  });

  it('makes a batch once in the interval that it is given, from then on', async () => {
    const { up, natsLink, storedLinks } = await uplink();
    up.batchEvery(3_600_000);
    up.start();
    natsLink.start();
    await eventually('the connection', () => natsLink.current);
    up.links([link(1)]);
    expect(up.statistics).toMatchObject({ bufferedBatches: 0, deliveredBatches: 0 });
    up.batchEvery(20);
    await eventually('the batch is stored', () => up.statistics.deliveredBatches === 1);
    up.batchEvery(3_600_000);
    up.links([link(2), link(3)]);
    await up.stop(30_000);
    const batches = (await storedLinks()).map(({ links }) => links.length);
    expect(batches).toEqual([1, 2]);
    await natsLink.stop();
  });

  it('bounds what is gathered between two batches, and cuts batches to what NATS takes', async () => {
    const { up, natsLink, storedFlows } = await uplink(64 * 1024 * 1024);
    const reason = '€'.repeat(500);
    up.flows(Array.from({ length: 60_000 }, (_, atMs) => flow(atMs, atMs < 5000 ? reason : null)));
    expect(up.statistics.droppedRecords).toBe(10_000);
    up.closeBatches();
    natsLink.start();
    await eventually('everything is stored', () => up.statistics.bufferedBatches === 0);
    const flows = (await storedFlows())
      .sort((a, b) => a.sequence - b.sequence)
      .flatMap((batch) => batch.flows);
    expect(flows.map(({ atMs }) => atMs)).toEqual(Array.from({ length: 50_000 }, (_, index) => index));
    await up.stop();
    await natsLink.stop();
  });

  it('hands over what was gathered last when it stops, and does not wait for a NATS that is away', async () => {
    const { up, natsLink, storedLinks } = await uplink();
    natsLink.start();
    await eventually('the connection', () => natsLink.current);
    up.links([link(1)]);
    await up.stop(30_000);
    await natsLink.stop();
    expect(await storedLinks()).toHaveLength(1);
    const away = await uplink();
    away.up.links([link(1)]);
    await away.up.stop(3_600_000);
    expect(away.up.statistics.bufferedBatches).toBe(1);
  });
});
