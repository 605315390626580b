import { features, TcpListener, type TcpSocket } from '@longhaul/native';
import type { Handover } from './handover.js';
import type { ForwardState } from './policy/state.js';
import { formatSocketAddress, type SocketAddress } from './policy/addresses.js';
import { agentMark, bindAny, bindAs, type PortUse } from './sockets.js';

const BACKLOG = 1024;
/**
 * An application on the agent's own machine would send segments of 65,483 bytes over the loopback. A receiver that reads
 * no faster than the tunnel sends announces windows smaller than that, and the sender then waits out its persist timer
 * (RFC 9293 section 3.8.6.2.1).
 */
const MAX_SEGMENT_BYTES = features.tcpTuning ? 8192 : undefined;

/** A bound listener whose purpose may change while connections come in. */
export class Listener<Purpose> {
  private readonly listener: TcpListener;
  /** What has come in before it was opened. */
  private held: TcpSocket[] | undefined = [];

  /**
   * @param portUse see {@link PortUse}
   * @throws what binding throws, for example EADDRINUSE
   */
  constructor(
    address: SocketAddress,
    public purpose: Purpose,
    private readonly onConnection: (socket: TcpSocket, purpose: Purpose) => void,
    portUse: PortUse = 'alone',
    /** Number of the listener that takes new connections, where another process may listen at the same address. */
    steered?: number,
  ) {
    this.listener = bindAny(address.address, (literal) => {
      const options = { address: literal, port: address.port, backlog: BACKLOG, mark: agentMark() };
      return bindAs(portUse, options, (shared) => {
        return new TcpListener({ ...shared, maxSegmentBytes: MAX_SEGMENT_BYTES }, (socket) => {
          this.accept(socket);
        });
      });
    });
    if (portUse === 'shared' && steered !== undefined) this.steer(steered);
  }

  /** Which of the listeners of the address takes new connections, by its number in the order of binding. */
  steer(listener: number): void {
    this.listener.steer(listener);
  }

  private accept(socket: TcpSocket): void {
    if (this.held === undefined) this.onConnection(socket, this.purpose);
    else this.held.push(socket);
  }

  /** Hands on what has come in since it was bound, and from now on all at once. */
  open(): void {
    const { held } = this;
    this.held = undefined;
    for (const socket of held ?? []) this.onConnection(socket, this.purpose);
  }

  get port(): number {
    return this.listener.port;
  }

  close(): void {
    for (const socket of this.held ?? []) socket.reset();
    this.held = [];
    this.listener.close();
  }
}

/** The listeners of explicit forwards, by where they listen. */
export class ForwardListeners {
  private listeners = new Map<string, Listener<ForwardState>>();

  /** @param handover where another process may listen at the same addresses */
  constructor(
    private readonly onConnection: (socket: TcpSocket, forward: ForwardState) => void,
    private readonly handover?: Handover,
  ) {}

  /** New connections go to this process or the other, as the handover stands now. */
  steer(): void {
    if (this.handover === undefined) return;
    for (const listener of this.listeners.values()) listener.steer(this.handover.listener);
  }

  /**
   * Binds what is new. Nothing that is there changes until `commit`; `rollback` closes what was bound.
   *
   * @param portUseOf how the port of a new listener at an address, as {@link formatSocketAddress} writes it, is bound
   * @throws what binding throws, with nothing left bound
   */
  prepare(
    forwards: readonly ForwardState[],
    portUseOf: (address: string) => PortUse = () => 'alone',
  ): { commit(): void; rollback(): void } {
    const added = new Map<string, Listener<ForwardState>>();
    const rollback = (): void => {
      for (const listener of added.values()) listener.close();
    };
    for (const forward of forwards) {
      const key = formatSocketAddress(forward.listen);
      if (this.listeners.has(key)) continue;
      try {
        added.set(key, this.listen(forward, portUseOf(key)));
      } catch (error) {
        rollback();
        throw new Error(`forward ${forward.id}: cannot listen on ${key}: ${String(error)}`, { cause: error });
      }
    }
    return {
      rollback,
      commit: () => {
        this.replace(forwards, added);
      },
    };
  }

  private listen(forward: ForwardState, portUse: PortUse): Listener<ForwardState> {
    return new Listener(forward.listen, forward, this.onConnection, portUse, this.handover?.listener);
  }

  private replace(forwards: readonly ForwardState[], added: Map<string, Listener<ForwardState>>): void {
    const next = new Map<string, Listener<ForwardState>>();
    for (const forward of forwards) {
      const key = formatSocketAddress(forward.listen);
      const listener = added.get(key) ?? this.listeners.get(key);
      if (listener === undefined) continue;
      listener.purpose = forward;
      next.set(key, listener);
    }
    for (const [key, listener] of this.listeners) if (!next.has(key)) listener.close();
    for (const listener of added.values()) listener.open();
    this.listeners = next;
  }

  close(): void {
    for (const listener of this.listeners.values()) listener.close();
    this.listeners.clear();
  }
}
