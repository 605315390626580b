import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { DataPlaneState } from '@longhaul/edge';
import type { DataPlaneSnapshot, WorkerMessage, WorkerOptions, WorkerRequest } from './messages.js';

/** The same file seen from src/ and from dist/: a worker's entry has to be built. */
const WORKER_FILE = fileURLToPath(new URL('../../dist/data-plane/worker.js', import.meta.url));

export interface ThreadEvents {
  snapshot(snapshot: DataPlaneSnapshot): void;
  tunnelUp(peerId: string): void;
  tunnelDown(peerId: string, reason: string): void;
  interceptionLost(reason: string): void;
  /** The thread ended although nobody asked it to. */
  failed(error: Error): void;
}

/** The data plane in its worker thread, seen from the main thread. */
export class DataPlaneThread {
  /** Whether its code is compiled: before, a transfer is slower. */
  rehearsed = false;
  private readonly worker: Worker;
  private readonly pending = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  private nextId = 1;
  private closing = false;

  constructor(
    options: WorkerOptions,
    private readonly events: ThreadEvents,
  ) {
    this.worker = new Worker(WORKER_FILE, { workerData: options, name: 'data-plane' });
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

  /** Puts a state in force as a whole. Rejects with the reason if it cannot be; the one before then stays. */
  apply(state: DataPlaneState): Promise<void> {
    return this.request((id) => ({ type: 'apply', id, state }));
  }

  /** Resets all connections, says goodbye to the peers, and ends the thread. */
  async close(): Promise<void> {
    this.closing = true;
    await this.request((id) => ({ type: 'close', id }));
    await this.worker.terminate();
  }

  private request(make: (id: number) => WorkerRequest): Promise<void> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.worker.postMessage(make(id));
    });
  }

  private take(message: WorkerMessage): void {
    switch (message.type) {
      case 'outcome':
        this.settle(message.id, message.error);
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
      case 'interception-lost':
        this.events.interceptionLost(message.reason);
        break;
    }
  }

  private settle(id: number, error: string | undefined): void {
    const pending = this.pending.get(id);
    this.pending.delete(id);
    if (error === undefined) pending?.resolve();
    else pending?.reject(new Error(error));
  }

  private fail(error: Error): void {
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
    if (!this.closing) this.events.failed(error);
    this.closing = true;
  }
}
