import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT_API } from '@longhaul/contracts';
import { pino } from 'pino';
import type { WantedState } from '../state-source.js';
import { loadEnrollment } from './credential-store.js';
import { EnrolledStateSource } from './enrolled-state-source.js';
import { loadIdentity } from './identity.js';
import { adoptNextKeys, rotateKeys } from './rotate-keys.js';
import { eventually } from './testing/eventually.js';
import { TestFleet, type TestAgent } from './testing/running-agent.js';

describe('a change of keys', () => {
  let fleet: TestFleet;
  let agent: TestAgent;
  beforeAll(async () => {
    fleet = await TestFleet.start();
  });
  afterAll(() => fleet.stop());
  beforeEach(async () => {
    agent = await fleet.enroll();
    fleet.controller.requests.length = 0;
  });
  afterEach(() => agent.stop());

  const renewals = () =>
    fleet.controller.requests
      .filter(({ path }) => path === AGENT_API.renew)
      .map(({ body }) => (JSON.parse(body) as { natsPublicKey: string }).natsPublicKey);

  it('is announced while the agent goes on with its old keys, until it looks', async () => {
    const before = await loadIdentity(agent.stateDir);
    await agent.start();
    await eventually('a hello', () => agent.hellos[0]);
    const change = await rotateKeys(agent.stateDir);
    expect(await loadIdentity(agent.stateDir)).toEqual(before);
    expect(change.tunnelPublicKey).not.toBe(before.tunnelPublicKey);
    for (const file of ['nats.seed', 'tunnel.key', 'credential.json']) {
      expect(statSync(join(agent.stateDir, 'next', file)).mode & 0o777).toBe(0o600);
    }
    expect(await rotateKeys(agent.stateDir)).toEqual(change);
    expect(await loadIdentity(agent.stateDir)).toEqual(before);
  });

  it('is taken by a running agent, without a restart: tunnels, NATS and controller, in this order', async () => {
    const before = await loadIdentity(agent.stateDir);
    await agent.start({ timing: { keysLookMs: 50, oldTunnelKeyMs: 1500 } });
    await eventually('a hello', () => agent.hellos[0]);
    let renewedTooSoon = false;
    agent.onApply = ({ previousPrivateKey }) => {
      renewedTooSoon ||= previousPrivateKey !== undefined && renewals().length > 0;
    };
    const { tunnelPublicKey } = await rotateKeys(agent.stateDir);
    const key = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('base64');
    const taken = await eventually('the new tunnel key', () =>
      agent.inForce.find(({ previousPrivateKey }) => previousPrivateKey !== undefined),
    );
    const after = await loadIdentity(agent.stateDir);
    expect(after.tunnelPublicKey).toBe(tunnelPublicKey);
    expect([key(taken.privateKey), key(taken.previousPrivateKey)]).toEqual([
      after.tunnelPrivateKey,
      before.tunnelPrivateKey,
    ]);
    await eventually('a renewal', () => renewals()[0]);
    expect(renewals()[0]).toBe(after.natsPublicKey);
    expect(renewedTooSoon).toBe(false);
    // NATS is reached by the new nkey.
    await eventually('another hello', () => agent.hellos[1]);
    const last = await eventually('the end of the old key', () =>
      agent.inForce.at(-1)?.previousPrivateKey === undefined ? agent.inForce.at(-1) : undefined,
    );
    expect(key(last.privateKey)).toBe(after.tunnelPrivateKey);
  });

  it('is taken by a process that takes over from another, which has put it in the place of the old ones', async () => {
    const { stateDir } = agent;
    const before = await loadIdentity(stateDir);
    const log = pino({ level: 'silent' });
    agent.source = await EnrolledStateSource.open({ stateDir, log, timing: { keysLookMs: 50 } });
    await rotateKeys(stateDir);
    await Promise.all([adoptNextKeys(stateDir), adoptNextKeys(stateDir)]);
    const inForce: WantedState[] = [];
    await agent.source.start((state) => {
      inForce.push(state);
      return Promise.resolve();
    });
    const after = await loadIdentity(stateDir);
    const taken = await eventually('the new tunnel key', () => inForce[0]);
    const keys = [taken.privateKey, taken.previousPrivateKey].map((key) => key && Buffer.from(key));
    expect(keys.map((key) => key?.toString('base64'))).toEqual([
      after.tunnelPrivateKey,
      before.tunnelPrivateKey,
    ]);
    await eventually('a renewal', () => renewals().includes(after.natsPublicKey));
  });

  it('is in force at the next start, and the controller is told at once by a renewal', async () => {
    const before = await loadIdentity(agent.stateDir);
    const { tunnelPublicKey } = await rotateKeys(agent.stateDir);
    await agent.start();
    await eventually('a hello', () => agent.hellos[0]);
    const after = await loadIdentity(agent.stateDir);
    expect(after.tunnelPublicKey).toBe(tunnelPublicKey);
    expect(after.natsPublicKey).not.toBe(before.natsPublicKey);
    await eventually('a renewal', () => renewals()[0]);
    expect(renewals()[0]).toBe(after.natsPublicKey);
    expect(existsSync(join(agent.stateDir, 'next', 'credential.json'))).toBe(false);
  });

  it('that was cut short by a crash goes on at the next start', async () => {
    await rotateKeys(agent.stateDir);
    const next = await loadIdentity(join(agent.stateDir, 'next'));
    renameSync(join(agent.stateDir, 'next', 'nats.seed'), join(agent.stateDir, 'nats.seed'));
    await agent.start();
    await eventually('a hello', () => agent.hellos[0]);
    expect(await loadIdentity(agent.stateDir)).toEqual(next);
  });

  it('sends no private key, and leaves everything as it was when the controller refuses', async () => {
    const before = await loadIdentity(agent.stateDir);
    fleet.controller.exclude(agent.natsPublicKey);
    await expect(rotateKeys(agent.stateDir)).rejects.toThrow(/this agent was revoked/);
    const next = await loadIdentity(join(agent.stateDir, 'next'));
    const sent = fleet.controller.requests.map(({ body }) => body).join();
    for (const { natsSeed, tunnelPrivateKey } of [before, next]) {
      expect(sent).not.toContain(Buffer.from(natsSeed).toString());
      expect(sent).not.toContain(tunnelPrivateKey);
    }
    expect(await loadIdentity(agent.stateDir)).toEqual(before);
    await expect(loadEnrollment(join(agent.stateDir, 'next'))).rejects.toThrow(/not enrolled/);
  });
});
