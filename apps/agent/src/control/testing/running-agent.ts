import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { subjects } from '@longhaul/contracts';
import { pino } from 'pino';
import type { WantedState } from '../../state-source.js';
import type { StateAddressee } from '../desired-state.js';
import { enrollAgent } from '../enroll.js';
import {
  EnrolledStateSource,
  type ControlTiming,
  type EnrolledStateSourceOptions,
} from '../enrolled-state-source.js';
import { TestCa } from './certificates.js';
import { someToken, TestController } from './test-controller.js';
import { TestNats } from './test-nats.js';

/** Short, so that a test takes seconds. */
const TIMING: ControlTiming = {
  confirmTimeoutMs: 10_000,
  confirmRetryMs: 50,
  pollIntervalMs: 3_600_000,
  pendingPollMs: 200,
  renewRetryMinMs: 100,
  reconnectMaxMs: 300,
  keysLookMs: 3_600_000,
};

/** A controller's API and a NATS server, both real servers with TLS, and what agents need of them. */
export class TestFleet {
  private constructor(
    readonly dir: string,
    readonly ca: TestCa,
    readonly nats: TestNats,
    public controller: TestController,
  ) {}

  static async start(): Promise<TestFleet> {
    const dir = await mkdtemp(join(tmpdir(), 'longhaul-agent-'));
    const ca = await TestCa.create();
    const nats = await TestNats.start(join(dir, 'nats'), ca);
    return new TestFleet(dir, ca, nats, await TestController.start(ca, nats));
  }

  /** A new agent that has enrolled and not started. */
  async enroll(token = someToken()): Promise<TestAgent> {
    const stateDir = await mkdtemp(join(this.dir, 'agent-'));
    const { agentId, organizationId } = await enrollAgent({
      controllerUrl: this.controller.url,
      token,
      caSha256: this.ca.sha256,
      stateDir,
      agentVersion: '0.0.0',
    });
    return new TestAgent(this, stateDir, { agentId, organizationId });
  }

  /** The same controller at the same port, after it was stopped. */
  async restartController(): Promise<void> {
    const { port, agents } = this.controller;
    this.controller = await TestController.start(this.ca, this.nats, { port });
    for (const [key, agent] of agents) this.controller.agents.set(key, agent);
  }

  async stop(): Promise<void> {
    await this.controller.stop();
    await this.nats.stop();
    await rm(this.dir, { recursive: true });
  }
}

/** An enrolled agent whose data plane only notes what it is given. */
export class TestAgent {
  /** What was put in force, in order. */
  readonly inForce: WantedState[] = [];
  /** Runs before a state is put in force; may refuse it by throwing. */
  onApply: (state: WantedState) => void | Promise<void> = () => undefined;
  readonly hellos: unknown[];
  readonly outcomes: unknown[];
  source: EnrolledStateSource | undefined;

  constructor(
    private readonly fleet: TestFleet,
    readonly stateDir: string,
    readonly addressee: StateAddressee,
  ) {
    const { organizationId, agentId } = addressee;
    this.hellos = fleet.nats.listen(subjects.hello(organizationId, agentId));
    this.outcomes = fleet.nats.listen(subjects.applied(organizationId, agentId));
  }

  get natsPublicKey(): string {
    const found = [...this.fleet.controller.agents].find(
      ([, { agentId }]) => agentId === this.addressee.agentId,
    );
    return found?.[0] ?? '';
  }

  async start(over: Partial<EnrolledStateSourceOptions> = {}): Promise<EnrolledStateSource> {
    const source = await EnrolledStateSource.open({
      stateDir: this.stateDir,
      log: pino({ level: process.env['LOG_LEVEL'] ?? 'silent' }),
      ...over,
      timing: { ...TIMING, ...over.timing },
    });
    this.source = source;
    await source.start(async (state) => {
      await this.onApply(state);
      this.inForce.push(state);
    });
    return source;
  }

  async stop(): Promise<void> {
    await this.source?.stop();
    await this.source?.close();
    this.source = undefined;
  }
}
