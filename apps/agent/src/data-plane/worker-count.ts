import { AgentError } from '../errors.js';

const MIB = 1_048_576;

/** Most workers that may be asked for. */
export const MAX_DATA_PLANE_WORKERS = 32;
/** Each worker's part of the memory at the least, bytes: room to receive into, and for the streams of a fast tunnel. */
export const LEAST_WORKER_MEMORY_BYTES = 64 * MIB;
/** Beyond these no tunnel has gained. */
const MAX_CORES_WITH_ONE_WORKER = 2;
const MAX_DEFAULT_WORKERS = 8;

/** What decides how many workers there are. */
export interface WorkerCountBasis {
  /** As it was asked for, 1 to {@link MAX_DATA_PLANE_WORKERS}; undefined: as fits the machine. */
  readonly wanted: number | undefined;
  /** Peers that there can ever be: more workers than those would have nothing to do. */
  readonly peers: number;
  /** Cores that this process may use. */
  readonly cores: number;
  /** For all workers together. */
  readonly memoryBytes: number;
  /** Whether the kernel shares one UDP port among several sockets by what is in a datagram. */
  readonly steering: boolean;
}

export interface WorkerCount {
  readonly count: number;
  /** Why there are fewer workers than there would be. */
  readonly notice?: string;
}

/**
 * Data-plane workers of an agent: by default one on up to 2 cores, else half of the cores, up to 8, since the kernel's own
 * work on a worker's packets takes as much again; never more than have 64 MiB each, nor than there are peers.
 *
 * @throws AgentError where the number that was asked for is not possible
 */
export function dataPlaneWorkers(basis: WorkerCountBasis): WorkerCount {
  const count = basis.wanted === undefined ? defaultCount(basis) : checkedCount(basis.wanted, basis);
  if (count === 1 || basis.steering) return { count };
  return {
    count: 1,
    notice: `one data-plane worker instead of ${count}: this kernel, or the agent without its addon, cannot share a UDP port by sessions (SO_ATTACH_REUSEPORT_CBPF)`,
  };
}

function defaultCount({ peers, cores, memoryBytes }: WorkerCountBasis): number {
  if (cores <= MAX_CORES_WITH_ONE_WORKER) return 1;
  const byMemory = Math.floor(memoryBytes / LEAST_WORKER_MEMORY_BYTES);
  return Math.max(1, Math.min(Math.floor(cores / 2), MAX_DEFAULT_WORKERS, peers, byMemory));
}

function checkedCount(wanted: number, { memoryBytes }: WorkerCountBasis): number {
  if (!(Number.isInteger(wanted) && wanted >= 1 && wanted <= MAX_DATA_PLANE_WORKERS))
    throw new AgentError(`the data-plane workers must be a whole number from 1 to ${MAX_DATA_PLANE_WORKERS}`);
  // One worker takes what it is given.
  if (wanted > 1 && memoryBytes / wanted < LEAST_WORKER_MEMORY_BYTES) {
    const most = Math.max(1, Math.floor(memoryBytes / LEAST_WORKER_MEMORY_BYTES));
    const needed = (wanted * LEAST_WORKER_MEMORY_BYTES) / MIB;
    throw new AgentError(
      `${wanted} data-plane workers need ${needed} MiB of memory, 64 each, and have ${Math.floor(memoryBytes / MIB)}: use at most ${most}, or give more memoryMiB`,
    );
  }
  return wanted;
}
