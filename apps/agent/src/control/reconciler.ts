import type { AppliedMessage, DesiredState } from '@longhaul/contracts';
import {
  isNewer,
  isSame,
  NO_STATE,
  readDesiredState,
  type StateAddressee,
  type StatePosition,
} from './desired-state.js';
import { messageOf } from '../errors.js';
import type { StateStore } from './last-good-state.js';
import type { Logger } from './logger.js';
import { CONFIRM_TIMEOUT_MS, REVERTED_RETRY_MS } from './params.js';

/** Where states are put in force. */
export interface StateTarget {
  /**
   * Puts a state in force as a whole; null: no peers, no rules. On rejection the former state still is in force.
   * Connections that exist go on.
   */
  apply(state: DesiredState | null): Promise<void>;
}

/** What became of a document that was offered. */
export type OfferOutcome = 'ignored' | 'superseded' | AppliedMessage['outcome'];

export interface ReconcilerOptions {
  readonly addressee: StateAddressee;
  readonly bootId: string;
  readonly target: StateTarget;
  readonly store: StateStore;
  /** Resolves when the agent has proved, under the new state, that it reaches its controller's network. */
  readonly confirm: (signal: AbortSignal) => Promise<void>;
  /** Told of each outcome. */
  readonly report: (outcome: AppliedMessage) => void;
  readonly log: Logger;
  readonly confirmTimeoutMs?: number;
  readonly revertedRetryMs?: number;
  readonly nowMs?: () => number;
}

/**
 * Brings the agent from one desired state to the next: only forward in the order of states, each as a whole or not at
 * all, and back to the last good one when a new one cannot be confirmed.
 */
export class Reconciler {
  private lastGood: DesiredState | undefined;
  /** What the target was last given with success; differs from the last good one during a trial. */
  private inForce: DesiredState | undefined;
  /** The highest position that was acted upon, whatever came of it. */
  private considered: StatePosition = NO_STATE;
  private retryRevertedAtMs = Infinity;
  private trial: AbortController | undefined;
  private queue: Promise<unknown> = Promise.resolve();
  private last: AppliedMessage | undefined;

  constructor(private readonly options: ReconcilerOptions) {}

  /** Position of the state that is in force and confirmed. */
  get position(): StatePosition {
    return this.lastGood ?? NO_STATE;
  }

  /** What became of the last state that was acted upon since the process started. */
  get lastOutcome(): AppliedMessage | undefined {
    return this.last;
  }

  get state(): DesiredState | undefined {
    return this.lastGood;
  }

  /** Puts the last good state of an earlier run in force, before the controller is reached. */
  async start(): Promise<void> {
    const { store, target, log } = this.options;
    try {
      const state = await store.load();
      if (state === undefined) return;
      await target.apply(state);
      this.lastGood = this.inForce = state;
      this.considered = { epoch: state.epoch, generation: state.generation };
      log.info({ epoch: state.epoch, generation: state.generation }, 'last good state is in force');
    } catch (error) {
      log.error(`the stored state cannot be put in force: ${messageOf(error)}; waiting for the controller's`);
    }
  }

  /** Takes a document as it came from the controller. A newer one ends the trial of an older one at once. */
  offer(document: Uint8Array): Promise<OfferOutcome> {
    let read;
    try {
      read = readDesiredState(document, this.options.addressee);
    } catch (error) {
      this.options.log.error(messageOf(error));
      return Promise.resolve('ignored');
    }
    const { position, policyRevision, content } = read;
    if (!this.isDue(position)) return Promise.resolve('ignored');
    this.considered = position;
    this.retryRevertedAtMs = Infinity;
    if ('state' in content) return this.enqueue(this.beginTrial(content.state));
    const head = { ...position, policyRevision };
    return this.enqueue(() => this.conclude(head, 'rejected', content.refusal));
  }

  /**
   * Puts what is in force in force once more, since something beside the state has changed. Rejects when it cannot be.
   */
  reapply(): Promise<void> {
    const work = this.queue.then(() => this.options.target.apply(this.inForce ?? null));
    this.queue = work.catch(() => undefined);
    return work;
  }

  /** Resolves when nothing is being tried. */
  async idle(): Promise<void> {
    await this.queue;
  }

  /** Ends a trial that is under way; the state stays in force, unconfirmed and not stored. */
  stop(): Promise<void> {
    this.trial?.abort();
    this.trial = undefined;
    return this.idle();
  }

  private enqueue(work: () => OfferOutcome | Promise<OfferOutcome>): Promise<OfferOutcome> {
    const settled = this.queue.then(work);
    this.queue = settled.catch(() => undefined);
    return settled;
  }

  private beginTrial(state: DesiredState): () => OfferOutcome | Promise<OfferOutcome> {
    this.trial?.abort();
    const trial = new AbortController();
    this.trial = trial;
    return () => (this.trial === trial ? this.tryState(state, trial) : 'superseded');
  }

  private isDue(position: StatePosition): boolean {
    if (isNewer(position, this.considered)) return true;
    return isSame(position, this.considered) && this.now() >= this.retryRevertedAtMs;
  }

  private async tryState(state: DesiredState, trial: AbortController): Promise<OfferOutcome> {
    try {
      await this.options.target.apply(state);
    } catch (error) {
      if (this.inForce !== this.lastGood) return this.revert(state, messageOf(error), 'rejected');
      return this.conclude(state, 'rejected', messageOf(error));
    }
    this.inForce = state;
    const doubt = await this.confirmed(trial);
    if (this.trial !== trial) return 'superseded';
    if (doubt !== undefined) return this.revert(state, doubt, 'reverted');
    return this.keep(state);
  }

  /** Undefined when confirmed, else why not. */
  private async confirmed(trial: AbortController): Promise<string | undefined> {
    const timeoutMs = this.options.confirmTimeoutMs ?? CONFIRM_TIMEOUT_MS;
    const timer = setTimeout(() => trial.abort(), timeoutMs);
    try {
      await this.options.confirm(trial.signal);
      return undefined;
    } catch (error) {
      return `not confirmed within ${timeoutMs / 1000} s: ${messageOf(error)}`;
    } finally {
      clearTimeout(timer);
    }
  }

  private async keep(state: DesiredState): Promise<OfferOutcome> {
    this.lastGood = state;
    try {
      await this.options.store.save(state);
    } catch (error) {
      const warning = `in force, but not stored, so a restart loses it: ${messageOf(error)}`;
      this.options.log.error(warning);
      return this.conclude(state, 'applied', warning);
    }
    return this.conclude(state, 'applied');
  }

  /** Back to the last good state, from one that is in force without having been confirmed. */
  private async revert(
    state: DesiredState,
    cause: string,
    outcome: 'rejected' | 'reverted',
  ): Promise<OfferOutcome> {
    if (outcome === 'reverted') {
      this.retryRevertedAtMs = this.now() + (this.options.revertedRetryMs ?? REVERTED_RETRY_MS);
    }
    try {
      await this.options.target.apply(this.lastGood ?? null);
      this.inForce = this.lastGood;
    } catch (error) {
      return this.conclude(state, outcome, `${cause}; going back failed too: ${messageOf(error)}`);
    }
    return this.conclude(state, outcome, `${cause}; went back to generation ${this.position.generation}`);
  }

  private conclude(
    head: StatePosition & { readonly policyRevision: number | null },
    outcome: AppliedMessage['outcome'],
    error?: string,
  ): AppliedMessage['outcome'] {
    const { epoch, generation, policyRevision } = head;
    this.last = {
      version: 1,
      bootId: this.options.bootId,
      epoch,
      generation,
      policyRevision,
      outcome,
      ...(error === undefined ? {} : { error: error.slice(0, 2000) }),
      atMs: this.now(),
    };
    const place = { epoch, generation, policyRevision };
    if (outcome === 'applied') this.options.log.info(place, 'desired state applied');
    else this.options.log.error(place, `desired state ${outcome}: ${error ?? ''}`);
    this.options.report(this.last);
    return outcome;
  }

  private now(): number {
    return this.options.nowMs?.() ?? Date.now();
  }
}
