import type { SteeringPlan } from '@longhaul/native';
import type { IndexHalf } from '@longhaul/tunnel';

/**
 * Where a data plane is of one of two processes that follow each other behind the same ports. The sockets of the one before
 * come first in the kernel's order of binding, and its sessions are told by the top bit of their index.
 */
export class Handover {
  /** Whether what is new comes to this process: connections, and datagrams that name no session. */
  private leads: boolean;
  private before: Predecessor | undefined;

  constructor(
    /** Top bit of this process' session indices; the other process has the other. */
    readonly half: IndexHalf,
    predecessor?: Predecessor,
  ) {
    this.before = predecessor;
    this.leads = predecessor === undefined;
  }

  /** The process that this one takes over from, while it lives. */
  get predecessor(): Predecessor | undefined {
    return this.before;
  }

  /** Which of the listeners of an address takes new connections, in the order of binding. */
  get listener(): number {
    return this.leads && this.before !== undefined ? 1 : 0;
  }

  /** What is new comes here from now on. */
  lead(): void {
    this.leads = true;
  }

  /** The process before has closed its sockets. */
  predecessorEnded(): void {
    this.leads = true;
    this.before = undefined;
  }

  /** Number of the socket that takes what names no session. */
  get door(): number {
    return this.leads ? (this.before?.workers ?? 0) : 0;
  }
}

/** The process that another takes over from. */
export interface Predecessor {
  /** Its data-plane workers, 1 to 32. */
  readonly workers: number;
}

/** What the process that takes over has to know of a tunnel that is up. */
export interface HandedOverPeer {
  readonly peerId: string;
  /** For `predecessor` of the peer. */
  readonly incarnation: number;
  /** Where the peer is found, `1.2.3.4:5` or `[::1]:5`. */
  readonly endpoint: string;
}

/** @param workers of this process, 1 to 32 */
export function steeringPlan(workers: number, handover: Handover | undefined): SteeringPlan {
  const before = handover?.predecessor?.workers ?? 0;
  const own = { first: before, count: workers };
  const others = before === 0 ? own : { first: 0, count: before };
  const [lower, upper] = handover?.half === 1 ? [others, own] : [own, others];
  return { door: handover?.door ?? 0, lower, upper };
}
