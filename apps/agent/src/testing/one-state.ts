import type { ApplyState, StateSource, WantedState } from '../state-source.js';

/** One state, which is all that there is. */
export class OneState implements StateSource {
  private applied = false;

  constructor(private readonly state: WantedState) {}

  async prepare(apply: ApplyState): Promise<void> {
    this.applied = true;
    await apply(this.state);
  }

  async start(apply: ApplyState): Promise<void> {
    if (!this.applied) await this.prepare(apply);
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  describe(): Readonly<Record<string, unknown>> {
    return { kind: 'test' };
  }
}
