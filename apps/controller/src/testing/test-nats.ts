import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNats, type RunningNats } from '@longhaul/embedded-services';
import { Logger } from '@nestjs/common';
import { connect, jwtAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { subjects } from '@longhaul/contracts';
import { prepareControllerState, type ControllerState } from '../bootstrap/prepare.js';
import { AgentCredentials, type AgentIdentity } from '../nats/agent-credentials.js';
import { createSeed, publicKeyOf } from '@longhaul/contracts/nkey';
import { NatsService } from '../nats/nats.service.js';

/** A real nats-server of one spec, with the controller's connections to it. */
export interface TestNats {
  readonly server: RunningNats;
  readonly state: ControllerState;
  /** The controller's state folder. */
  readonly stateDir: string;
  readonly service: NatsService;
  /** Another replica's connections. */
  newService(): NatsService;
  stop(): Promise<void>;
}

export const startTestNats = async (): Promise<TestNats> => {
  // Outages are what specs are about; the warnings are no news.
  Logger.overrideLogger(['error', 'fatal']);
  const root = mkdtempSync(join(tmpdir(), 'longhaul-controller-'));
  const state = await prepareControllerState(join(root, 'controller'), { hosts: [] });
  const server = await startNats({ stateDir: join(root, 'nats'), config: state.natsConfigFile });
  const newService = (): NatsService => new NatsService({ url: server.url, state, allowOldServer: true });
  const service = newService();
  await service.start();
  return {
    server,
    state,
    stateDir: join(root, 'controller'),
    service,
    newService,
    stop: async () => {
      await service.close();
      await server.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
};

/** An agent that enrolled, and its connection. */
export interface TestAgent extends AgentIdentity {
  readonly seed: string;
  readonly connection: NatsConnection;
  /** What the server refused so far. */
  readonly refusals: string[];
}

/** Connects as an agent of the given identity would, with its own key and a credential of the controller's. */
export const connectTestAgent = async (
  nats: TestNats,
  identity: Omit<AgentIdentity, 'natsPublicKey'>,
  given: { readonly seed?: string; readonly reconnect?: boolean } = {},
): Promise<TestAgent> => {
  const seed = given.seed ?? createSeed('user');
  const agent = { ...identity, natsPublicKey: publicKeyOf(seed) };
  const { jwt } = await new AgentCredentials(nats.state.nats).issue(agent);
  const connection = await connect({
    servers: [nats.server.url],
    authenticator: jwtAuthenticator(jwt, new TextEncoder().encode(seed)),
    tls: { ca: nats.state.caPem },
    inboxPrefix: subjects.inboxPrefix(agent.agentId),
    reconnect: given.reconnect ?? false,
  });
  const refusals: string[] = [];
  void collectRefusals(connection, refusals);
  return { ...agent, seed, connection, refusals };
};

const collectRefusals = async (connection: NatsConnection, into: string[]): Promise<void> => {
  for await (const status of connection.status()) {
    if (status.type === 'error') into.push(String(status.error));
  }
};
