import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  desiredStateDirectGet,
  noticeMessageSchema,
  subjects,
  type AppliedMessage,
  type Credential,
  type DesiredState,
  type FlowRecord,
  type HelloMessage,
  type NoticeMessage,
  type UpgradeReport,
} from '@longhaul/contracts';
import { Empty, type NatsConnection } from '@nats-io/transport-node';
import type { DataPlaneSnapshot } from '../data-plane/messages.js';
import { messageOf } from '../errors.js';
import type { ApplyState, StateSource } from '../state-source.js';
import { AGENT_VERSION } from '../version.js';
import { CredentialKeeper, type Standing } from './credential-keeper.js';
import { loadEnrollment, type StoredEnrollment } from './credential-store.js';
import { loadIdentity, natsAuthenticator, type AgentIdentity } from './identity.js';
import { KeyWatch } from './key-watch.js';
import { LastGoodState, type StateStore } from './last-good-state.js';
import type { Logger } from './logger.js';
import { managementAddresses } from './management.js';
import { NatsLink, type NatsAccess } from './nats-link.js';
import {
  CONFIRM_RETRY_MS,
  POLL_INTERVAL_MS,
  POLL_JITTER,
  READ_RETRY_MS,
  REQUEST_TIMEOUT_MS,
} from './params.js';
import { jittered } from './pause.js';
import { Reconciler } from './reconciler.js';
import { FlowRecorder } from './telemetry/flow-recorder.js';
import { LinkRecorder } from './telemetry/link-recorder.js';
import { TelemetryUplink, type TelemetryStatistics } from './telemetry/uplink.js';
import { adoptNextKeys } from './rotate-keys.js';
import { toWantedState } from './wanted-state.js';

/** Intervals that a test makes shorter; params.ts has what they are otherwise. */
export interface ControlTiming {
  readonly confirmTimeoutMs?: number;
  readonly confirmRetryMs?: number;
  readonly pollIntervalMs?: number;
  readonly pendingPollMs?: number;
  readonly renewRetryMinMs?: number;
  readonly pingIntervalMs?: number;
  readonly reconnectMaxMs?: number;
  readonly keysLookMs?: number;
  readonly oldTunnelKeyMs?: number;
}

export interface EnrolledStateSourceOptions {
  readonly stateDir: string;
  readonly log: Logger;
  readonly timing?: ControlTiming;
  /** Where the last good state is kept; in the state directory unless given. */
  readonly store?: StateStore;
  /** Whether connections can be intercepted, the agent's own among them; true unless given. */
  readonly intercepts?: boolean;
  /** Bound of the telemetry that waits for NATS. */
  readonly telemetryBufferBytes?: number;
  /** What connections have told already, where another source of this process was before this one. */
  readonly flowRecorder?: FlowRecorder;
  /** Takes flow records when this source is closed, and connections go on: another process of the agent tells of them. */
  readonly onFlowsAfterClose?: (records: readonly FlowRecord[]) => void;
  /** Told of each state that is in force and confirmed. */
  readonly onState?: (state: DesiredState) => void;
  /** How upgrades of this agent stand, for the controller; undefined: nobody upgrades it. */
  readonly upgrade?: () => UpgradeReport;
}

/** How the control side stands. */
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
 * Desired states of an enrolled agent: from disk at start, then from the controller over NATS. Also the agent's way out
 * for what it measures.
 */
export class EnrolledStateSource implements StateSource {
  readonly telemetry: TelemetryUplink;
  private readonly keeper: CredentialKeeper;
  private readonly link: NatsLink;
  private readonly reconciler: Reconciler;
  private readonly linkRecorder = new LinkRecorder();
  private readonly flowRecorder: FlowRecorder;
  private readonly timing: ControlTiming;
  private readonly log: Logger;
  private applyState: ApplyState = () => Promise.reject(new Error('the agent has not started'));
  private pollTimer: NodeJS.Timeout | undefined;
  private readonly keys: KeyWatch;
  private reportSeconds = 1;
  private reading = false;
  private readAgain = false;
  private stopped = false;
  private closed = false;
  private prepared = false;

  private constructor(
    private readonly options: EnrolledStateSourceOptions,
    identity: AgentIdentity,
    private readonly enrollment: StoredEnrollment,
    private readonly bootId: string,
  ) {
    const { stateDir, log, timing = {}, telemetryBufferBytes } = options;
    const { agentId, organizationId } = enrollment.credential;
    const addressee = { agentId, organizationId };
    this.timing = timing;
    this.log = log;
    this.flowRecorder = options.flowRecorder ?? new FlowRecorder();
    this.keys = new KeyWatch({
      stateDir,
      identity,
      log,
      lookMs: timing.keysLookMs,
      oldTunnelKeyMs: timing.oldTunnelKeyMs,
      onKeys: (keys, credential) => this.keeper.replace(keys, credential),
      putInForce: () => this.reconciler.reapply(),
    });
    this.keeper = new CredentialKeeper({
      stateDir,
      identity,
      enrollment,
      log,
      onRenewed: () => void this.link.renew(),
      pendingPollMs: timing.pendingPollMs,
      retryMinMs: timing.renewRetryMinMs,
    });
    this.link = new NatsLink({
      access: () => this.access(),
      onConnected: (connection) => this.onConnected(connection),
      onDisconnected: () => this.telemetry.detach(),
      onRefused: () => this.keeper.noteRefused(),
      log,
      pingIntervalMs: timing.pingIntervalMs,
      reconnectMaxMs: timing.reconnectMaxMs,
    });
    this.reconciler = new Reconciler({
      addressee,
      bootId,
      target: { apply: (state) => this.putInForce(state) },
      store: options.store ?? new LastGoodState(stateDir, addressee),
      confirm: (signal) => this.confirm(signal),
      report: (outcome) => this.reported(outcome),
      log,
      confirmTimeoutMs: timing.confirmTimeoutMs,
    });
    this.telemetry = new TelemetryUplink({ ...addressee, bootId, log, bufferBytes: telemetryBufferBytes });
  }

  /**
   * Reads keys and credential from the state directory.
   * @throws ControlError when the agent is not enrolled.
   */
  static async open(options: EnrolledStateSourceOptions): Promise<EnrolledStateSource> {
    await adoptNextKeys(options.stateDir);
    const enrollment = await loadEnrollment(options.stateDir);
    const identity = await loadIdentity(options.stateDir);
    return new EnrolledStateSource(options, identity, enrollment, randomUUID());
  }

  async prepare(apply: ApplyState): Promise<void> {
    this.applyState = apply;
    this.prepared = true;
    await this.reconciler.start();
  }

  /** Resolves when the last good state is in force; the controller is reached behind that. */
  async start(apply: ApplyState): Promise<void> {
    if (!this.prepared) await this.prepare(apply);
    const { state } = this.reconciler;
    if (state !== undefined) this.options.onState?.(state);
    this.telemetry.start();
    this.keeper.start();
    this.link.start();
    this.keys.start();
    this.schedulePoll();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.pollTimer);
    await Promise.all([this.keys.stop(), this.reconciler.stop()]);
  }

  /** Hands over what was measured, as far as NATS takes it in time, and disconnects. */
  async close(): Promise<void> {
    this.closed = true;
    await this.telemetry.stop();
    await Promise.all([this.keeper.stop(), this.link.stop()]);
  }

  measured(snapshot: DataPlaneSnapshot): void {
    const flows = this.flowRecorder.record(snapshot);
    if (this.closed) {
      if (flows.length > 0) this.options.onFlowsAfterClose?.(flows);
      return;
    }
    this.telemetry.links(this.linkRecorder.record(snapshot.statistics));
    this.telemetry.flows(flows);
  }

  relayFlows(records: readonly FlowRecord[]): void {
    this.telemetry.flows(records);
  }

  get connected(): boolean {
    return this.link.current !== undefined;
  }

  /** Tells the controller how upgrades of this agent stand, if it is in touch with it; else it is told with the next hello. */
  tellUpgrade(): void {
    const connection = this.link.current;
    if (connection !== undefined) this.publishHello(connection);
  }

  describe(): Readonly<Record<string, unknown>> {
    const { controllerUrl, connected, standing, generation, policyRevision, problem, ...details } =
      this.status();
    return {
      kind: 'controller',
      url: controllerUrl,
      connected,
      standing,
      generation,
      policyRevision: policyRevision ?? 'none',
      ...(problem === undefined ? {} : { problem }),
      details,
    };
  }

  status(): ControlStatus {
    const { organizationId, agentId, siteId, natsJwtExpiresAt } = this.credential;
    const { epoch, generation } = this.reconciler.position;
    return {
      controllerUrl: this.enrollment.controllerUrl,
      organizationId,
      agentId,
      siteId,
      standing: this.keeper.standing,
      connected: this.link.current !== undefined,
      problem: this.keeper.lastFailure ?? this.link.lastFailure,
      credentialExpiresAt: natsJwtExpiresAt,
      epoch,
      generation,
      policyRevision: this.reconciler.state?.policyRevision ?? null,
      lastOutcome: this.reconciler.lastOutcome,
      telemetry: this.telemetry.statistics,
    };
  }

  private get credential(): Credential {
    return this.keeper.credential;
  }

  private async putInForce(desired: DesiredState | null): Promise<void> {
    const management = await managementAddresses([
      this.enrollment.controllerUrl,
      ...this.credential.natsUrls,
    ]);
    const { tunnelPort } = this.enrollment;
    await this.applyState(toWantedState(desired, { ...this.keys.tunnelKeys, tunnelPort, management }));
    this.reportEvery(desired?.reportIntervalSeconds ?? 1);
  }

  private reportEvery(seconds: number): void {
    const intervalMs = seconds * 1000;
    this.reportSeconds = seconds;
    this.linkRecorder.intervalMs = intervalMs;
    this.flowRecorder.intervalMs = intervalMs;
    this.telemetry.batchEvery(intervalMs);
  }

  private access(): NatsAccess {
    const { natsUrls, natsJwt, caPem, agentId } = this.credential;
    return {
      urls: natsUrls,
      authenticator: natsAuthenticator(this.keeper.identity, natsJwt),
      caPem,
      inboxPrefix: subjects.inboxPrefix(agentId),
      name: `longhaul-agent ${agentId}`,
    };
  }

  private onConnected(connection: NatsConnection): void {
    this.keeper.noteAccepted();
    const { organizationId, agentId, state } = this.credential;
    connection.subscribe(subjects.nudge(organizationId, agentId), {
      callback: (error, message) => {
        if (error !== null) return;
        if (state === 'approved') this.nudged(message.data);
        else this.keeper.renewNow();
      },
    });
    connection.subscribe(subjects.notice(organizationId, agentId), {
      callback: (error, message) => {
        if (error === null) this.noteNotice(message.data);
      },
    });
    this.publishHello(connection);
    if (state !== 'approved') return;
    this.publishLastOutcome();
    this.telemetry.attach(connection);
    void this.read();
  }

  private nudged(document: Uint8Array): void {
    if (this.stopped) return;
    if (document.length > 0) void this.reconciler.offer(document);
    else void this.read();
  }

  private noteNotice(data: Uint8Array): void {
    const notice = parseNotice(data);
    if (notice !== undefined) this.log.error(`the controller says: ${notice.message}`);
  }

  private publishHello(connection: NatsConnection): void {
    const { organizationId, agentId } = this.credential;
    const { epoch, generation } = this.reconciler.position;
    const hello: HelloMessage = {
      version: 1,
      agentVersion: AGENT_VERSION,
      bootId: this.bootId,
      hostname: hostname(),
      appliedEpoch: epoch,
      appliedGeneration: generation,
      upgrade: this.options.upgrade?.(),
    };
    connection.publish(subjects.hello(organizationId, agentId), JSON.stringify(hello));
  }

  private reported(outcome: AppliedMessage): void {
    this.publishApplied(outcome);
    const { state } = this.reconciler;
    if (outcome.outcome === 'applied' && state !== undefined) this.options.onState?.(state);
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
    const pollMs = this.timing.pollIntervalMs ?? POLL_INTERVAL_MS;
    const intervalMs = jittered(pollMs * this.reportSeconds, POLL_JITTER);
    this.pollTimer = setTimeout(() => {
      if (this.link.current !== undefined && this.credential.state === 'approved') {
        this.publishLastOutcome();
        void this.read();
      }
      this.schedulePoll();
    }, intervalMs).unref();
  }

  /** Reads the desired state; calls that come meanwhile make one more reading of it. */
  private async read(): Promise<void> {
    this.readAgain = this.reading;
    if (this.reading || this.stopped) return;
    this.reading = true;
    try {
      const document = await this.fetch();
      if (document !== undefined && !this.stopped) void this.reconciler.offer(document);
    } catch (error) {
      this.log.warn(`the desired state could not be read: ${messageOf(error)}`);
      setTimeout(() => void this.read(), jittered(READ_RETRY_MS, POLL_JITTER)).unref();
    } finally {
      this.reading = false;
    }
    if (this.readAgain) void this.read();
  }

  /** The document under this agent's own key, or undefined where there is none, or no connection. */
  private async fetch(): Promise<Uint8Array | undefined> {
    const { organizationId, agentId } = this.credential;
    const connection = this.link.current;
    if (connection === undefined) return undefined;
    const subject = desiredStateDirectGet(organizationId, agentId);
    const { headers, data } = await connection.request(subject, Empty, { timeout: REQUEST_TIMEOUT_MS });
    if (headers?.code === 404) return undefined;
    if (headers !== undefined && headers.code >= 300)
      throw new Error(`${headers.code} ${headers.description}`);
    const removed = (headers?.get('KV-Operation') ?? '') !== '';
    return removed ? undefined : data;
  }

  /** Tries until it is proved, or until there is no more time: then the last reason why not is thrown. */
  private async confirm(signal: AbortSignal): Promise<void> {
    let reason: unknown;
    const retryMs = this.timing.confirmRetryMs ?? CONFIRM_RETRY_MS;
    while (!signal.aborted) {
      try {
        await Promise.race([this.link.prove(this.options.intercepts ?? true), aborted(signal)]);
        return;
      } catch (error) {
        if (!signal.aborted) reason = error;
        await sleep(retryMs, undefined, { signal }).catch(() => undefined);
      }
    }
    throw new Error(reason === undefined ? 'NATS does not answer' : messageOf(reason));
  }
}

/** Undefined: a notice of another version. */
function parseNotice(data: Uint8Array): NoticeMessage | undefined {
  try {
    return noticeMessageSchema.parse(JSON.parse(Buffer.from(data).toString('utf8')));
  } catch {
    return undefined;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('no more time')), { once: true });
  });
}
