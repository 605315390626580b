import type { PackedAddress } from '../io.js';
import { PATH_CHALLENGE_RETRY_US } from '../params.js';
import { PATH_TOKEN_BYTES } from '../wire/frame.js';

/** A challenge that is to be sent now. */
export interface PathChallenge {
  readonly address: PackedAddress;
  readonly token: Uint8Array;
}

/**
 * Proves that a peer which seems to have moved is where its packets come from (RFC 9000 section 8.2): until then the new
 * address gets challenges, each smaller than the packet that caused it, and no data.
 */
export class PathValidation {
  private candidate: PackedAddress | undefined = undefined;
  private token: Uint8Array = new Uint8Array(0);
  private sentUs = -Infinity;
  private due = false;

  constructor(private readonly random: (length: number) => Uint8Array) {}

  /** The newest packet of the peer came from `address`, which is not where we send to. */
  onPacketFrom(address: PackedAddress, nowUs: number, smoothedRttUs: number): void {
    const wait = Math.max(PATH_CHALLENGE_RETRY_US, 1.5 * smoothedRttUs);
    const same = this.candidate !== undefined && sameAddress(this.candidate, address);
    if (nowUs - this.sentUs < (same ? wait : PATH_CHALLENGE_RETRY_US)) return;
    if (!same) {
      this.candidate = address.slice();
      this.token = this.random(PATH_TOKEN_BYTES);
    }
    this.due = true;
  }

  /** A packet came from where we send to: the peer has not moved after all. */
  cancel(): void {
    this.candidate = undefined;
    this.due = false;
  }

  get challengeDue(): boolean {
    return this.due;
  }

  /** The challenge that {@link challengeDue} announces, which is being sent. */
  takeChallenge(nowUs: number): PathChallenge | undefined {
    this.due = false;
    this.sentUs = nowUs;
    return this.candidate && { address: this.candidate, token: this.token };
  }

  /** The address that `token` proves, if it is the one that was asked for. */
  onResponse(token: Uint8Array): PackedAddress | undefined {
    const { candidate } = this;
    if (candidate === undefined || !token.every((byte, i) => byte === this.token[i])) return undefined;
    this.cancel();
    return candidate;
  }
}

export function sameAddress(a: PackedAddress, b: PackedAddress): boolean {
  for (let i = 0; i < 5; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether two addresses differ in no more than their port. */
export function sameHost(a: PackedAddress, b: PackedAddress): boolean {
  for (let i = 1; i < 5; i++) if (a[i] !== b[i]) return false;
  return a[0] >>> 16 === b[0] >>> 16;
}
