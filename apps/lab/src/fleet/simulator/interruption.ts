const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Rejects what is waited for once somebody wants the process to end, so that it can clean up first. */
export class Interruption {
  private interrupt: (error: Error) => void = () => undefined;
  private readonly interrupted: Promise<never>;
  private readonly onSignal = (signal: NodeJS.Signals): void => {
    this.interrupt(new Error(`interrupted by ${signal}`));
  };

  constructor() {
    this.interrupted = new Promise((_, reject) => {
      this.interrupt = reject;
    });
    // Nobody may be waiting at that moment.
    this.interrupted.catch(() => undefined);
    for (const signal of SIGNALS) process.on(signal, this.onSignal);
  }

  /** The outcome of `work`, unless an interruption comes first or has come. */
  orEnd<T>(work: Promise<T>): Promise<T> {
    return Promise.race([this.interrupted, work]);
  }

  /** From now on signals do what they do otherwise. */
  dispose(): void {
    for (const signal of SIGNALS) process.off(signal, this.onSignal);
  }
}
