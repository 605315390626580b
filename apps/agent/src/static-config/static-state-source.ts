import type { ApplyState, StateSource } from '../state-source.js';
import type { StaticAgent } from './load.js';

/** The state of a static file: one, at the start. */
export class StaticStateSource implements StateSource {
  constructor(
    private readonly path: string,
    private readonly agent: StaticAgent,
  ) {}

  start(apply: ApplyState): Promise<void> {
    return apply(this.agent.state);
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  describe(): Readonly<Record<string, unknown>> {
    return { kind: 'static', path: this.path };
  }
}
