import type { ReceiveParameters } from '../handshake/index.js';
import type { PeerOptions, Tunnel, TunnelRole, TunnelSession } from './tunnel.js';

/** What the tunnels to one peer ask of their endpoint. */
export interface PeerTunnelsHost {
  /** Another tunnel to the same peer, that only answers until it is proven. */
  makeTunnel(options: PeerOptions, like: Tunnel): Tunnel;
  /** The tunnel is closed, and the peer told. */
  dropTunnel(tunnel: Tunnel): void;
  /** Another tunnel is the primary one now. */
  primaryChanged(peerId: string): void;
}

/**
 * The tunnels to one peer. There is one, but while a process of either side takes over from the one before: then the tunnel of
 * the process before keeps its streams until they end, beside the one that carries new streams.
 */
export class PeerTunnels {
  /** Keeps its streams and gets no new ones. */
  private retiring: Tunnel | undefined;
  /** Answers a process that takes over, and is nothing before that has proven itself. */
  private prospective: Tunnel | undefined;

  constructor(
    private readonly host: PeerTunnelsHost,
    /** Carries new streams. */
    public primary: Tunnel,
  ) {}

  get all(): Tunnel[] {
    return [this.primary, this.retiring, this.prospective].filter((tunnel) => tunnel !== undefined);
  }

  /** The tunnel that new streams go by; undefined: none is up. */
  get forNewStreams(): Tunnel | undefined {
    if (this.primary.up) return this.primary;
    return this.retiring?.up === true ? this.retiring : undefined;
  }

  /** Incarnation of the tunnel that lives, or is to live, beside one of such a role; 0: none. */
  besideOf(role: TunnelRole): number {
    return (role === 'prospective' ? this.primary : this.retiring)?.incarnation ?? 0;
  }

  /**
   * Which tunnel a session of the peer is for that it begins with such parameters. Undefined: none here.
   *
   * @param neighbour whether another process of this side lives, whose session it may be
   */
  answererOf(ofPeer: ReceiveParameters, neighbour: boolean): Tunnel | undefined {
    const { incarnation, succession } = ofPeer;
    const known = this.all.find((tunnel) => tunnel.isWith(incarnation));
    if (known !== undefined || succession === undefined) return known ?? this.primary;
    const { beside, continues, retiring } = succession;
    if (retiring) return undefined;
    const isOurs = continues === 0 || this.all.some((tunnel) => tunnel.incarnation === continues);
    if (neighbour && !isOurs) return undefined;
    if (beside !== 0 && this.all.some((tunnel) => tunnel.isWith(beside))) return this.toAnswer();
    return this.primary;
  }

  private toAnswer(): Tunnel {
    const { primary } = this;
    this.prospective ??= this.host.makeTunnel(
      { ...primary.options, remembered: primary.pathMemory },
      primary,
    );
    return this.prospective;
  }

  /** A tunnel of these has a new session, which it sends with. */
  adopted(tunnel: Tunnel, { peerSuccession }: TunnelSession): void {
    if (tunnel === this.prospective) this.takeOver(tunnel, peerSuccession?.beside ?? 0);
    else if (tunnel === this.retiring && peerSuccession?.retiring !== true) this.takeBack(tunnel);
  }

  /** The peer has another process. Its tunnel of before stays if it is the one that lives on beside the new one. */
  private takeOver(tunnel: Tunnel, beside: number): void {
    const { primary, retiring } = this;
    this.prospective = undefined;
    this.primary = tunnel;
    tunnel.role = 'primary';
    primary.role = 'retiring';
    this.retiring = [primary, retiring].find((before) => before?.isWith(beside));
    for (const before of [primary, retiring])
      if (before !== undefined && before !== this.retiring) this.host.dropTunnel(before);
    this.host.primaryChanged(tunnel.options.id);
  }

  /** The peer's process of before goes on after all. */
  private takeBack(tunnel: Tunnel): void {
    const { primary } = this;
    this.retiring = undefined;
    this.primary = tunnel;
    tunnel.role = 'primary';
    primary.role = 'retiring';
    this.host.dropTunnel(primary);
    this.host.primaryChanged(tunnel.options.id);
  }

  /** A tunnel that is not the primary one has come to its end. */
  ended(tunnel: Tunnel): void {
    if (tunnel === this.retiring) this.retiring = undefined;
    if (tunnel === this.prospective) this.prospective = undefined;
    this.host.dropTunnel(tunnel);
  }
}
