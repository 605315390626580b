import { messageOf } from '../errors.js';
import { loadEnrollment, type StoredEnrollment } from './credential-store.js';
import { loadIdentity, type AgentIdentity } from './identity.js';
import type { Logger } from './logger.js';
import { KEYS_LOOK_MS, OLD_TUNNEL_KEY_MS } from './params.js';
import { adoptNextKeys } from './rotate-keys.js';
import type { LocalFacts } from './wanted-state.js';

export interface KeyWatchOptions {
  readonly stateDir: string;
  readonly identity: AgentIdentity;
  readonly log: Logger;
  /** There are new keys with a credential of their own. */
  readonly onKeys: (identity: AgentIdentity, enrollment: StoredEnrollment) => void;
  /** Has the data plane take {@link KeyWatch.tunnelKeys}; rejects when it cannot. */
  readonly putInForce: () => Promise<void>;
  readonly lookMs?: number | undefined;
  readonly oldTunnelKeyMs?: number | undefined;
}

/**
 * The keys of a running agent. New ones that "agent rotate-keys" has announced are taken without a restart: by the data plane
 * first, so that peers find it by either key, and then towards the controller, whose overlap ends by that.
 */
export class KeyWatch {
  private current: AgentIdentity;
  private previousTunnelKey: string | undefined;
  /** Taken from disk, and not by the data plane yet. */
  private pending = false;
  private lookTimer: NodeJS.Timeout | undefined;
  private forgetTimer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();

  constructor(private readonly options: KeyWatchOptions) {
    this.current = options.identity;
  }

  get tunnelKeys(): Pick<LocalFacts, 'tunnelPrivateKey' | 'previousTunnelPrivateKey'> {
    const { tunnelPrivateKey } = this.current;
    return { tunnelPrivateKey, previousTunnelPrivateKey: this.previousTunnelKey };
  }

  start(): void {
    const { log, lookMs = KEYS_LOOK_MS } = this.options;
    this.lookTimer = setInterval(() => {
      this.looking = this.looking
        .then(() => this.look())
        .catch((error: unknown) => {
          log.error(`the new keys cannot be taken: ${messageOf(error)}; trying again`);
        });
    }, lookMs).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.lookTimer);
    clearTimeout(this.forgetTimer);
    await this.looking;
  }

  private async look(): Promise<void> {
    const { stateDir, log, onKeys, putInForce } = this.options;
    await adoptNextKeys(stateDir);
    await this.take();
    if (!this.pending) return;
    await putInForce();
    this.pending = false;
    onKeys(this.current, await loadEnrollment(stateDir));
    log.info({ tunnelPublicKey: this.current.tunnelPublicKey }, 'new keys are in use');
  }

  /** Takes what is on disk where that has changed: by this process, or by another of this agent while one takes over from the other. */
  private async take(): Promise<void> {
    const { current } = this;
    const found = await loadIdentity(this.options.stateDir);
    const isNewTunnelKey = found.tunnelPrivateKey !== current.tunnelPrivateKey;
    if (!isNewTunnelKey && found.natsPublicKey === current.natsPublicKey) return;
    this.current = found;
    this.pending = true;
    if (!isNewTunnelKey) return;
    this.previousTunnelKey = current.tunnelPrivateKey;
    clearTimeout(this.forgetTimer);
    this.forgetTimer = setTimeout(() => {
      this.forget().catch((error: unknown) => {
        this.options.log.error(`the old tunnel key cannot be given up: ${messageOf(error)}`);
      });
    }, this.options.oldTunnelKeyMs ?? OLD_TUNNEL_KEY_MS).unref();
  }

  private async forget(): Promise<void> {
    this.previousTunnelKey = undefined;
    await this.options.putInForce();
  }
}
