import { features, UdpSocket } from '@longhaul/native';
import { systemErrorCode } from './system-error.js';

/** Kernel mark of everything that the agent sends by itself: exempt from interception. */
export const AGENT_MARK = 0x4c48;

/** Any address of this machine, of both families where the kernel has both. */
const ANY = '::';
const ANY_IPV4 = '0.0.0.0';

let mark: number | undefined;

/** The mark for a socket's options; 0, none, for a process that may set none, and so may not intercept either. */
export function agentMark(): number {
  mark ??= features.marks && mayMark() ? AGENT_MARK : 0;
  return mark;
}

function mayMark(): boolean {
  try {
    new UdpSocket({ address: '127.0.0.1', port: 0, mark: AGENT_MARK }, () => undefined).close();
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EPERM') return false;
    throw error;
  }
}

/** Binds to `address`; where that is `::` and the kernel has no IPv6, to any IPv4 address. @throws what `bind` throws */
export function bindAny<Socket>(address: string, bind: (address: string) => Socket): Socket {
  try {
    return bind(address);
  } catch (error) {
    if (address !== ANY || systemErrorCode(error) !== 'EAFNOSUPPORT') throw error;
    return bind(ANY_IPV4);
  }
}

/**
 * How a port is bound. `alone`: it is this socket's. `shared`: other threads of this process, or the process that will take over
 * from it, bind it too (SO_REUSEPORT), but nobody has it yet. `joined`: another thread of this process has it already, or the
 * process that this one takes over from.
 */
export type PortUse = 'alone' | 'shared' | 'joined';

interface BindOptions {
  readonly port: number;
}

/**
 * Binds as `use` says. A port that several sockets share would let any process of the same user in: so a shared one is first
 * bound alone, for a moment.
 *
 * @throws what `bind` throws
 */
export function bindAs<Options extends BindOptions, Socket extends { readonly port: number; close(): void }>(
  use: PortUse,
  options: Options,
  bind: (options: Options & { readonly reusePort: boolean }) => Socket,
): Socket {
  if (use !== 'shared') return bind({ ...options, reusePort: use === 'joined' });
  const probe = bind({ ...options, reusePort: false });
  const { port } = probe;
  probe.close();
  return bind({ ...options, port, reusePort: true });
}
