import { connect, type Socket } from 'node:net';
import { createInterface, type Interface } from 'node:readline';
import { z } from 'zod';

const CONNECT_TIMEOUT_MS = 10_000;
const RETRY_MS = 20;
const REPLY_TIMEOUT_MS = 30_000;

const messageSchema = z.union([
  z.object({ QMP: z.unknown() }).transform(() => ({ kind: 'greeting' as const })),
  z.object({ event: z.string() }).transform(() => ({ kind: 'event' as const })),
  z
    .object({ return: z.unknown() })
    .transform((message) => ({ kind: 'reply' as const, value: message.return })),
  z
    .object({ error: z.object({ desc: z.string() }) })
    .transform((message) => ({ kind: 'error' as const, text: message.error.desc })),
]);

/** QEMU refused a command, or is not there any more. */
export class QmpError extends Error {}

interface Waiter {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Speaks the QEMU Machine Protocol (docs/interop/qmp-spec) over a Unix socket: one command after the other. */
export class QmpClient {
  private readonly waiters: Waiter[] = [];

  private constructor(
    private readonly socket: Socket,
    lines: Interface,
  ) {
    lines.on('line', (line) => this.take(line));
    socket.on('close', () => this.failAll(new QmpError('QEMU has closed its control socket')));
  }

  /** Connects as soon as QEMU has made its socket. Rejects with a QmpError if `hasEnded` says that it never will. */
  static async connect(path: string, hasEnded: () => boolean): Promise<QmpClient> {
    const deadline = Date.now() + CONNECT_TIMEOUT_MS;
    for (;;) {
      const socket = await tryConnect(path);
      if (socket) {
        const client = new QmpClient(socket, createInterface({ input: socket }));
        await client.execute('qmp_capabilities');
        return client;
      }
      if (hasEnded() || Date.now() > deadline) throw new QmpError('QEMU does not take commands');
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** Rejects with a QmpError that has QEMU's own words. */
  async execute(command: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (this.socket.destroyed) throw new QmpError(`${command}: QEMU has closed its control socket`);
    const reply = new Promise<unknown>((resolve, reject) => this.waiters.push({ resolve, reject }));
    this.socket.write(`${JSON.stringify({ execute: command, arguments: parameters })}\n`);
    const timer = setTimeout(() => this.socket.destroy(), REPLY_TIMEOUT_MS);
    try {
      return await reply;
    } catch (cause) {
      throw new QmpError(`${command}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.socket.destroy();
  }

  private take(line: string): void {
    const message = messageSchema.parse(JSON.parse(line));
    if (message.kind === 'reply') this.waiters.shift()?.resolve(message.value);
    if (message.kind === 'error') this.waiters.shift()?.reject(new QmpError(message.text));
  }

  private failAll(error: Error): void {
    for (const waiter of this.waiters.splice(0)) waiter.reject(error);
  }
}

function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.on('error', () => resolve(undefined)); // an end that comes later is told by "close"
  });
}
