/** Something that runs until it is stopped. */
export interface Stoppable {
  stop(): void | Promise<void>;
}

/** What has been started and is to be ended, the last one first. */
export class RunningParts {
  private readonly parts: Stoppable[] = [];

  add<T extends Stoppable>(part: T): T {
    this.parts.push(part);
    return part;
  }

  async stop(): Promise<void> {
    for (const part of this.parts.splice(0).reverse()) await part.stop();
  }
}
