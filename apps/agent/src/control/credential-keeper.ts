import type { Credential } from '@longhaul/contracts';
import { AgentApi } from './agent-api.js';
import { saveEnrollment, type StoredEnrollment } from './credential-store.js';
import { messageOf } from '../errors.js';
import { AgentApiError, ControlError } from './errors.js';
import type { AgentIdentity } from './identity.js';
import type { Logger } from './logger.js';
import {
  PENDING_POLL_MS,
  RENEW_RETRY_MAX_MS,
  RENEW_RETRY_MIN_MS,
  RENEW_SPACING_MS,
  REVOKED_RETRY_MS,
} from './params.js';
import { BackOff, jittered, Pause } from './pause.js';

/** How this agent stands with its controller. */
export type Standing = Credential['state'] | 'revoked' | 'unknown';

export interface CredentialKeeperOptions {
  readonly stateDir: string;
  readonly identity: AgentIdentity;
  readonly enrollment: StoredEnrollment;
  readonly log: Logger;
  /** Called with each fresh credential. */
  readonly onRenewed: (credential: Credential) => void;
  readonly pendingPollMs?: number;
  readonly retryMinMs?: number;
}

/** What is assumed of a credential that does not say when it was issued. */
const ASSUMED_LIFE_S = 3600;

/** How long a credential lives, in seconds, by the controller's clock alone. */
function lifetimeSeconds({ natsJwt, natsJwtExpiresAt }: Credential): number {
  const lifetime = Date.parse(natsJwtExpiresAt) / 1000 - issuedAtSeconds(natsJwt);
  return Number.isFinite(lifetime) ? Math.max(0, lifetime) : ASSUMED_LIFE_S;
}

function issuedAtSeconds(jwt: string): number {
  try {
    const claims: unknown = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString());
    return typeof claims === 'object' && claims !== null && 'iat' in claims ? Number(claims.iat) : Number.NaN;
  } catch {
    return Number.NaN;
  }
}

/**
 * Keeps the agent's credential fresh: renews at half its life, and when NATS refuses it, by a challenge over HTTPS,
 * which works with an expired credential too. Both ends of a credential's life are the controller's own times, so a
 * wrong clock here does no harm.
 */
export class CredentialKeeper {
  private enrollment: StoredEnrollment;
  /** Whose credential it is. */
  identity: AgentIdentity;
  private currentStanding: Standing;
  private failure: string | undefined;
  /** NATS did not accept the present credential. */
  private refused = false;
  private stopped = false;
  /** Unix milliseconds of the next renewal. */
  private dueAtMs: number;
  private readonly pause = new Pause();
  private readonly backOff: BackOff;
  private running: Promise<void> | undefined;

  constructor(private readonly options: CredentialKeeperOptions) {
    this.enrollment = options.enrollment;
    this.identity = options.identity;
    this.currentStanding = options.enrollment.credential.state;
    this.backOff = new BackOff(options.retryMinMs ?? RENEW_RETRY_MIN_MS, RENEW_RETRY_MAX_MS);
    this.dueAtMs = this.regularRenewalAtMs();
  }

  get credential(): Credential {
    return this.enrollment.credential;
  }

  get controllerUrl(): string {
    return this.enrollment.controllerUrl;
  }

  get standing(): Standing {
    return this.currentStanding;
  }

  /** Why the last renewal failed, if it did. */
  get lastFailure(): string | undefined {
    return this.failure;
  }

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.pause.wake();
    await this.running;
  }

  /** NATS refused the credential: a fresh one is asked for soon, whatever its age. */
  noteRefused(): void {
    if (this.refused || this.excluded) return;
    this.refused = true;
    this.dueAtMs = Math.min(this.dueAtMs, Date.now() + this.backOff.next());
    this.pause.wake();
  }

  /** Something has changed at the controller: a fresh credential is asked for now. */
  renewNow(): void {
    this.dueAtMs = Date.now();
    this.pause.wake();
  }

  /** The agent has other keys from now on. The first use of their credential is to renew it. */
  replace(identity: AgentIdentity, enrollment: StoredEnrollment): void {
    this.identity = identity;
    this.enrollment = enrollment;
    this.renewNow();
  }

  /** NATS accepted the credential. */
  noteAccepted(): void {
    this.refused = false;
    this.backOff.reset();
  }

  private get excluded(): boolean {
    return this.currentStanding === 'revoked' || this.currentStanding === 'unknown';
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const waitMs = this.dueAtMs - Date.now();
      if (waitMs > 0) await this.pause.wait(waitMs);
      else await this.renew();
    }
  }

  private async renew(): Promise<void> {
    const { controllerUrl, controllerCaPem } = this.enrollment;
    try {
      const api = new AgentApi(new URL(controllerUrl), controllerCaPem ?? undefined);
      const { identity } = this;
      const credential = await api.renew(identity);
      // What was asked for with keys that have been replaced since is of no use.
      if (identity !== this.identity) return;
      await this.accept(credential);
      this.dueAtMs = Math.max(this.regularRenewalAtMs(), Date.now() + RENEW_SPACING_MS);
    } catch (error) {
      this.dueAtMs = Date.now() + this.failed(error);
    }
  }

  private async accept(credential: Credential): Promise<void> {
    const before = this.enrollment;
    if (credential.agentId !== before.credential.agentId) {
      throw new ControlError('the controller answered with the credential of another agent');
    }
    const approved = this.currentStanding !== 'approved' && credential.state === 'approved';
    const stillPending = this.currentStanding === 'pending' && credential.state === 'pending';
    this.enrollment = {
      ...before,
      controllerCaPem: before.controllerCaPem === null ? null : credential.caPem,
      credential,
      obtainedAtMs: Date.now(),
    };
    this.currentStanding = credential.state;
    this.failure = undefined;
    if (approved) this.options.log.info('this agent is approved');
    if (stillPending && !this.refused) return;
    this.refused = false;
    await saveEnrollment(this.options.stateDir, this.enrollment);
    this.options.log.info({ expiresAt: credential.natsJwtExpiresAt }, 'credential renewed');
    this.options.onRenewed(credential);
  }

  /** Milliseconds until the next attempt. */
  private failed(error: unknown): number {
    this.failure = messageOf(error);
    if (
      error instanceof AgentApiError &&
      (error.code === 'AGENT_REVOKED' || error.code === 'AGENT_UNKNOWN')
    ) {
      const standing = error.code === 'AGENT_REVOKED' ? 'revoked' : 'unknown';
      if (this.currentStanding !== standing) {
        this.options.log.error(`${this.failure}; the last good state stays in force until then`);
      }
      this.currentStanding = standing;
      return jittered(REVOKED_RETRY_MS, 0.25);
    }
    this.options.log.warn(`the credential could not be renewed: ${this.failure}`);
    return this.backOff.next();
  }

  private regularRenewalAtMs(): number {
    if (this.currentStanding === 'pending') {
      return Date.now() + jittered(this.options.pendingPollMs ?? PENDING_POLL_MS, 0.25);
    }
    return this.enrollment.obtainedAtMs + (lifetimeSeconds(this.credential) / 2) * 1000;
  }
}
