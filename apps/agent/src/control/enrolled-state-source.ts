import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  desiredStateDirectGet,
  subjects,
  type AppliedMessage,
  type Credential,
  type DesiredState,
  type HelloMessage,
} from '@longhaul/contracts';
import { Empty, type NatsConnection } from '@nats-io/transport-node';
import { CredentialKeeper, type Standing } from './credential-keeper.js';
import { loadEnrollment } from './credential-store.js';
import { messageOf } from './errors.js';
import { loadIdentity, type AgentIdentity } from './identity.js';
import { LastGoodState } from './last-good-state.js';
import type { Logger } from './logger.js';
import { NatsLink, type NatsAccess } from './nats-link.js';
import { CONFIRM_RETRY_MS, POLL_INTERVAL_MS, POLL_JITTER, REQUEST_TIMEOUT_MS } from './params.js';
import { jittered } from './pause.js';
import { Reconciler, type StateTarget } from './reconciler.js';
import { TelemetryUplink, type TelemetryStatistics } from './telemetry/uplink.js';

export interface EnrolledStateSourceOptions {
  readonly stateDir: string;
  readonly agentVersion: string;
  /** Where states are put in force. */
  readonly target: StateTarget;
  readonly log: Logger;
  /** Intervals that a test makes shorter; see params.ts. */
  readonly timing?: {
    readonly confirmTimeoutMs?: number;
    readonly confirmRetryMs?: number;
    readonly pollIntervalMs?: number;
    readonly pendingPollMs?: number;
    readonly renewRetryMinMs?: number;
    readonly pingIntervalMs?: number;
    readonly reconnectMaxMs?: number;
  };
  /** Batches that wait for NATS, in bytes. */
  readonly telemetryBufferBytes?: number;
}

/** What `longhaul agent status` shows of the control side. */
export interface ControlStatus {
  readonly controllerUrl: string;
  readonly organizationId: string;
  readonly agentId: string;
  readonly siteId: string;
  /** `revoked` and `unknown`: the controller has said so at the last renewal. */
  readonly standing: Standing;
  readonly connected: boolean;
  readonly problem: string | undefined;
  readonly credentialExpiresAt: string;
  readonly epoch: number;
  readonly generation: number;
  readonly policyRevision: number | null;
  readonly lastOutcome: AppliedMessage | undefined;
  readonly telemetry: TelemetryStatistics;
}

/**
 * Desired states of an enrolled agent: from disk at start, then from the controller over NATS, each put in force by the
 * target. Also the agent's way out for what it measures.
 */
export class EnrolledStateSource {
  readonly telemetry: TelemetryUplink;
  private readonly keeper: CredentialKeeper;
  private readonly link: NatsLink;
  private readonly reconciler: Reconciler;
  private pollTimer: NodeJS.Timeout | undefined;
  private reading = false;
  private readAgain = false;
  private stopped = false;

  private constructor(
    private readonly options: EnrolledStateSourceOptions,
    readonly identity: AgentIdentity,
    private readonly bootId: string,
    enrollment: Awaited<ReturnType<typeof loadEnrollment>>,
  ) {
    const { stateDir, log, timing = {} } = options;
    const { agentId, organizationId } = enrollment.credential;
    const addressee = { agentId, organizationId };
    this.keeper = new CredentialKeeper({
      stateDir,
      identity,
      enrollment,
      log,
      onRenewed: () => void this.link.renew(),
      ...(timing.pendingPollMs === undefined ? {} : { pendingPollMs: timing.pendingPollMs }),
      ...(timing.renewRetryMinMs === undefined ? {} : { retryMinMs: timing.renewRetryMinMs }),
    });
    this.link = new NatsLink({
      access: () => this.access(),
      onConnected: (connection) => this.connected(connection),
      onDisconnected: () => this.telemetry.detach(),
      onRefused: () => this.keeper.noteRefused(),
      log,
      ...(timing.pingIntervalMs === undefined ? {} : { pingIntervalMs: timing.pingIntervalMs }),
      ...(timing.reconnectMaxMs === undefined ? {} : { reconnectMaxMs: timing.reconnectMaxMs }),
    });
    this.reconciler = new Reconciler({
      addressee,
      bootId,
      target: options.target,
      store: new LastGoodState(stateDir, addressee),
      confirm: (signal) => this.confirm(signal),
      report: (outcome) => this.publishApplied(outcome),
      log,
      ...(timing.confirmTimeoutMs === undefined ? {} : { confirmTimeoutMs: timing.confirmTimeoutMs }),
    });
    this.telemetry = new TelemetryUplink({
      ...addressee,
      bootId,
      log,
      ...(options.telemetryBufferBytes === undefined ? {} : { bufferBytes: options.telemetryBufferBytes }),
    });
  }

  /**
   * Reads keys and credential from the state directory.
   * @throws ControlError when the agent is not enrolled.
   */
  static async open(options: EnrolledStateSourceOptions): Promise<EnrolledStateSource> {
    const enrollment = await loadEnrollment(options.stateDir);
    const identity = await loadIdentity(options.stateDir);
    return new EnrolledStateSource(options, identity, randomUUID(), enrollment);
  }

  /** Resolves when the last good state is in force; reaching the controller goes on behind it. */
  async start(): Promise<void> {
    await this.reconciler.start();
    this.telemetry.start();
    this.keeper.start();
    this.link.start();
    this.schedulePoll();
  }

  /** Hands over what was measured, as far as NATS takes it, and closes the connection. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.pollTimer);
    await this.reconciler.stop();
    await this.telemetry.stop();
    await Promise.all([this.keeper.stop(), this.link.stop()]);
  }

  /** The state that is in force and confirmed. */
  get state(): DesiredState | undefined {
    return this.reconciler.state;
  }

  get credential(): Credential {
    return this.keeper.credential;
  }

  status(): ControlStatus {
    const { organizationId, agentId, siteId, natsJwtExpiresAt } = this.credential;
    const { epoch, generation } = this.reconciler.position;
    return {
      controllerUrl: this.keeper.controllerUrl,
      organizationId,
      agentId,
      siteId,
      standing: this.keeper.standing,
      connected: this.link.current !== undefined,
      problem: this.keeper.lastFailure ?? this.link.lastFailure,
      credentialExpiresAt: natsJwtExpiresAt,
      epoch,
      generation,
      policyRevision: this.state?.policyRevision ?? null,
      lastOutcome: this.reconciler.lastOutcome,
      telemetry: this.telemetry.statistics,
    };
  }

  private access(): NatsAccess {
    const { natsUrls, natsJwt, caPem, agentId } = this.credential;
    return {
      urls: natsUrls,
      jwt: natsJwt,
      seed: this.identity.natsSeed,
      caPem,
      inboxPrefix: subjects.inboxPrefix(agentId),
      name: `longhaul-agent ${agentId}`,
    };
  }

  private connected(connection: NatsConnection): void {
    this.keeper.noteAccepted();
    const { organizationId, agentId } = this.credential;
    if (this.keeper.standing !== 'approved') {
      this.publishHello(connection);
      return;
    }
    connection.subscribe(subjects.nudge(organizationId, agentId), { callback: () => void this.read() });
    this.publishHello(connection);
    this.publishLastOutcome();
    this.telemetry.attach(connection);
    void this.read();
  }

  private publishHello(connection: NatsConnection): void {
    const { organizationId, agentId } = this.credential;
    const { epoch, generation } = this.reconciler.position;
    const hello: HelloMessage = {
      version: 1,
      agentVersion: this.options.agentVersion,
      bootId: this.bootId,
      hostname: hostname(),
      appliedEpoch: epoch,
      appliedGeneration: generation,
    };
    connection.publish(subjects.hello(organizationId, agentId), JSON.stringify(hello));
  }

  private publishApplied(outcome: AppliedMessage): void {
    const { organizationId, agentId } = this.credential;
    this.link.current?.publish(subjects.applied(organizationId, agentId), JSON.stringify(outcome));
  }

  /** Once more, for a controller that was away when it was said first. */
  private publishLastOutcome(): void {
    const { lastOutcome } = this.reconciler;
    if (lastOutcome !== undefined) this.publishApplied(lastOutcome);
  }

  private schedulePoll(): void {
    const intervalMs = this.options.timing?.pollIntervalMs ?? POLL_INTERVAL_MS;
    this.pollTimer = setTimeout(
      () => {
        if (this.link.current !== undefined && this.keeper.standing === 'approved') {
          this.publishLastOutcome();
          void this.read();
        }
        if (!this.stopped) this.schedulePoll();
      },
      jittered(intervalMs, POLL_JITTER),
    ).unref();
  }

  /** Reads the desired state; calls that come meanwhile make one more reading of it. */
  private async read(): Promise<void> {
    this.readAgain = this.reading;
    if (this.reading) return;
    this.reading = true;
    try {
      const document = await this.fetch();
      if (document !== undefined && !this.stopped) void this.reconciler.offer(document);
    } catch (error) {
      this.options.log.warn(`the desired state could not be read: ${messageOf(error)}`);
    } finally {
      this.reading = false;
    }
    if (this.readAgain && !this.stopped) void this.read();
  }

  /** The document under this agent's own key, or undefined where there is none. */
  private async fetch(): Promise<Uint8Array | undefined> {
    const { organizationId, agentId } = this.credential;
    const subject = desiredStateDirectGet(organizationId, agentId);
    const answer = await this.link.current?.request(subject, Empty, { timeout: REQUEST_TIMEOUT_MS });
    const code = answer?.headers?.code ?? 0;
    if (answer === undefined || code === 404) return undefined;
    if (code >= 300) throw new Error(`${code} ${answer.headers?.description ?? ''}`);
    const removed = (answer.headers?.get('KV-Operation') ?? '') !== '';
    return removed ? undefined : answer.data;
  }

  private async confirm(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.link.prove();
        return;
      } catch (error) {
        await sleep(this.options.timing?.confirmRetryMs ?? CONFIRM_RETRY_MS, undefined, { signal }).catch(
          () => undefined,
        );
        if (signal.aborted) throw error;
      }
    }
  }
}
