/**
 * Tells of a state again and again while it lasts and once a turn of the event loop, as polling a descriptor does:
 * Node.js itself tells of changes only.
 */
export class Readiness {
  private turn: NodeJS.Immediate | undefined;

  /**
   * @param isReady whether there is something to tell
   * @param tell may change what `isReady` answers, or {@link stop}
   */
  constructor(
    private readonly isReady: () => boolean,
    private readonly tell: () => void,
  ) {}

  /** Something may have changed: tells in the next turn, if there is something to tell then. */
  changed(): void {
    if (this.turn !== undefined || !this.isReady()) return;
    this.turn = setImmediate(() => {
      this.turn = undefined;
      if (!this.isReady()) return;
      try {
        this.tell();
      } finally {
        this.changed();
      }
    });
  }

  stop(): void {
    if (this.turn !== undefined) clearImmediate(this.turn);
    this.turn = undefined;
  }
}
