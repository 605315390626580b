import { join } from 'node:path';
import type { DesiredState } from '@longhaul/contracts';
import { readDesiredState, type StateAddressee } from './desired-state.js';
import { keepPrivate, makePrivateDirectory, readFileIfAny, writeDurably } from './durable-file.js';
import { StateRefusedError } from './errors.js';

const STATE_FILE = 'desired-state.json';

/** Keeps the last state that was in force and confirmed. */
export interface StateStore {
  /**
   * Undefined where there is none.
   * @throws StateRefusedError when it cannot be used.
   */
  load(): Promise<DesiredState | undefined>;
  save(state: DesiredState): Promise<void>;
}

/** The last state that was in force and confirmed, on disk, so that the agent works on without its controller. */
export class LastGoodState implements StateStore {
  private readonly path: string;

  constructor(
    private readonly stateDir: string,
    private readonly addressee: StateAddressee,
  ) {
    this.path = join(stateDir, STATE_FILE);
  }

  /**
   * The stored state, or undefined where there is none.
   * @throws StateRefusedError when the file is damaged, of a newer version, or another agent's.
   */
  async load(): Promise<DesiredState | undefined> {
    const content = await readFileIfAny(this.path);
    if (content === undefined) return undefined;
    await keepPrivate(this.path);
    const { content: read } = readDesiredState(Buffer.from(content), this.addressee);
    if ('state' in read) return read.state;
    throw new StateRefusedError(read.refusal);
  }

  /** Durable when it returns; a crash meanwhile leaves the former state. */
  async save(state: DesiredState): Promise<void> {
    await makePrivateDirectory(this.stateDir);
    await writeDurably(this.path, JSON.stringify(state));
  }
}
