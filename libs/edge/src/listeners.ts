import { features, TcpListener, type TcpSocket } from '@longhaul/native';
import type { ForwardState } from './policy/state.js';
import { formatSocketAddress, type SocketAddress } from './policy/addresses.js';
import { agentMark, bindAny } from './sockets.js';

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

  /** @throws what binding throws, for example EADDRINUSE */
  constructor(
    address: SocketAddress,
    public purpose: Purpose,
    onConnection: (socket: TcpSocket, purpose: Purpose) => void,
  ) {
    const accept = (socket: TcpSocket): void => {
      onConnection(socket, this.purpose);
    };
    this.listener = bindAny(address.address, (literal) => {
      const options = { address: literal, port: address.port, backlog: BACKLOG, mark: agentMark() };
      return new TcpListener({ ...options, maxSegmentBytes: MAX_SEGMENT_BYTES }, accept);
    });
  }

  get port(): number {
    return this.listener.port;
  }

  close(): void {
    this.listener.close();
  }
}

/** The listeners of explicit forwards, by where they listen. */
export class ForwardListeners {
  private listeners = new Map<string, Listener<ForwardState>>();

  constructor(private readonly onConnection: (socket: TcpSocket, forward: ForwardState) => void) {}

  /**
   * Binds what is new. Nothing that is there changes until `commit`; `rollback` closes what was bound.
   *
   * @throws what binding throws, with nothing left bound
   */
  prepare(forwards: readonly ForwardState[]): { commit(): void; rollback(): void } {
    const added = new Map<string, Listener<ForwardState>>();
    const rollback = (): void => {
      for (const listener of added.values()) listener.close();
    };
    for (const forward of forwards) {
      const key = formatSocketAddress(forward.listen);
      if (this.listeners.has(key)) continue;
      try {
        added.set(key, new Listener(forward.listen, forward, this.onConnection));
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
    this.listeners = next;
  }

  close(): void {
    for (const listener of this.listeners.values()) listener.close();
    this.listeners.clear();
  }
}
