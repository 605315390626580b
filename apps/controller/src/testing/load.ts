import { setTimeout as sleep } from 'node:timers/promises';

/** Between an answer and the next request of a caller: the machine has to start replicas besides. */
const PAUSE_MS = 50;

/** What became of one request. */
export interface Outcome {
  readonly name: string;
  /** Unix milliseconds. */
  readonly beganAtMs: number;
  /** Undefined if it was answered. */
  readonly failure: string | undefined;
}

/** Callers that ask one after the other, each without end, until they are told to stop. */
export class Load {
  readonly outcomes: Outcome[] = [];
  private stopped = false;
  private readonly callers: Promise<void>[] = [];

  /** One more caller. `ask` gets a name that is its own. */
  add(kind: string, ask: (name: string) => Promise<unknown>): void {
    const number = this.callers.length;
    const call = async (): Promise<void> => {
      for (let count = 0; !this.stopped; count += 1) {
        const name = `${kind} ${String(number)}.${String(count)}`;
        const beganAtMs = Date.now();
        const failure = await ask(name).then(
          () => undefined,
          (error: unknown) => String(error),
        );
        this.outcomes.push({ name, beganAtMs, failure });
        await sleep(PAUSE_MS);
      }
    };
    this.callers.push(call());
  }

  get answered(): number {
    return this.outcomes.filter(({ failure }) => failure === undefined).length;
  }

  get failures(): Outcome[] {
    return this.outcomes.filter(({ failure }) => failure !== undefined);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.callers);
  }
}
