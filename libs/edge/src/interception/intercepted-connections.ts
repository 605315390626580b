import type { TcpSocket } from '@longhaul/native';
import { Listener } from '../listeners.js';

/** A change in two steps. */
export interface ListenerChange {
  /** Where redirected connections are taken; undefined: nowhere. */
  readonly port: number | undefined;
  commit(): void;
  rollback(): void;
}

/** The listener that takes connections which the {@link Redirection} sends here. */
export class InterceptedConnections {
  private listener: Listener<undefined> | undefined;

  constructor(private readonly onConnection: (socket: TcpSocket) => void) {}

  /** Binds where that is wanted. @throws what binding throws */
  prepare(wanted: boolean): ListenerChange {
    const { listener } = this;
    if (wanted) return listener === undefined ? this.prepareNew() : this.keep(listener);
    return {
      port: undefined,
      rollback: () => undefined,
      commit: () => {
        this.close();
      },
    };
  }

  private prepareNew(): ListenerChange {
    const listener = new Listener({ address: '::', port: 0 }, undefined, (socket) => {
      this.onConnection(socket);
    });
    return {
      port: listener.port,
      rollback: () => {
        listener.close();
      },
      commit: () => {
        this.listener = listener;
        listener.open();
      },
    };
  }

  private keep({ port }: Listener<undefined>): ListenerChange {
    const nothing = (): void => undefined;
    return { port, commit: nothing, rollback: nothing };
  }

  close(): void {
    this.listener?.close();
    this.listener = undefined;
  }
}
