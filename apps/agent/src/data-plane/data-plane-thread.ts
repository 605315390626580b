import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { DataPlaneState, HandedOverPeer, Placement } from '@longhaul/edge';
import type {
  DataPlaneSnapshot,
  HandoverStep,
  PreparedPorts,
  WorkerAnswer,
  WorkerMessage,
  WorkerOptions,
  WorkerRequest,
} from './messages.js';

/** The same file seen from src/ and from dist/: a worker's entry has to be built. */
const WORKER_FILE = fileURLToPath(new URL('../../dist/data-plane/worker.js', import.meta.url));

export interface ThreadEvents {
  snapshot(snapshot: DataPlaneSnapshot): void;
  tunnelUp(peerId: string): void;
  tunnelDown(peerId: string, reason: string): void;
  /** The thread ended although nobody asked it to. */
  failed(error: Error): void;
}

interface Pending {
  readonly resolve: (answer: WorkerAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** One data-plane worker in its thread, seen from the main thread. */
export class DataPlaneThread {
  /** Whether its code is compiled: before, a transfer is slower. */
  rehearsed = false;
  private readonly worker: Worker;
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private closing = false;
  /** Why the thread is no more. */
  private failure: Error | undefined;

  constructor(
    options: WorkerOptions,
    private readonly events: ThreadEvents,
  ) {
    const name = `data-plane${options.shard === undefined ? '' : `-${options.shard.index}`}`;
    const transferList = options.shard?.ports.filter((port) => port !== undefined);
    this.worker = new Worker(WORKER_FILE, { workerData: options, transferList, name });
    this.worker.on('message', (message: WorkerMessage) => {
      this.take(message);
    });
    this.worker.on('error', (error: Error) => {
      this.fail(error);
    });
    this.worker.on('exit', (code) => {
      this.fail(new Error(`the data plane ended with code ${code}`));
    });
  }

  /** Checks a state and binds what it needs. Rejects with the reason if the state cannot be; then nothing has changed. */
  async prepare(state: DataPlaneState, placement: Placement): Promise<PreparedPorts> {
    const { ports } = await this.request((id) => ({ type: 'prepare', id, state, placement }));
    if (ports === undefined) throw new Error('the data plane has not told its ports');
    return ports;
  }

  /** Puts what was prepared in force. */
  async commit(): Promise<void> {
    await this.request((id) => ({ type: 'commit', id }));
  }

  /** Gives back what was prepared. */
  async rollback(): Promise<void> {
    await this.request((id) => ({ type: 'rollback', id }));
  }

  /** A step of a handover from one process to the next. Gives the tunnels that are up, of the first. */
  async handover(step: HandoverStep): Promise<readonly HandedOverPeer[]> {
    const { tunnels } = await this.request((id) => ({ type: 'handover', id, step }));
    return tunnels ?? [];
  }

  /** Resets all connections, says goodbye to the peers, and ends the thread. */
  async close(): Promise<void> {
    this.closing = true;
    if (this.failure !== undefined) return;
    await this.request((id) => ({ type: 'close', id }));
    await this.worker.terminate();
  }

  private request(make: (id: number) => WorkerRequest): Promise<WorkerAnswer> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.worker.postMessage(make(id));
    });
  }

  private take(message: WorkerMessage): void {
    switch (message.type) {
      case 'outcome':
        this.settle(message);
        break;
      case 'rehearsed':
        this.rehearsed = true;
        break;
      case 'snapshot':
        this.events.snapshot(message.snapshot);
        break;
      case 'tunnel-up':
        this.events.tunnelUp(message.peerId);
        break;
      case 'tunnel-down':
        this.events.tunnelDown(message.peerId, message.reason);
        break;
    }
  }

  private settle({ id, error, ports, tunnels }: Extract<WorkerMessage, { type: 'outcome' }>): void {
    const pending = this.pending.get(id);
    this.pending.delete(id);
    if (error === undefined) pending?.resolve({ ports, tunnels });
    else pending?.reject(new Error(error));
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
    if (!this.closing) this.events.failed(error);
    this.closing = true;
  }
}
