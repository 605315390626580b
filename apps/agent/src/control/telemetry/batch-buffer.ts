/** Which stream of records a batch belongs to. */
export type TelemetryKind = 'link' | 'flow';

/** One message for JetStream, encoded once. */
export interface Batch {
  readonly kind: TelemetryKind;
  readonly sequence: number;
  readonly records: number;
  readonly payload: Uint8Array;
}

/** Batches that wait to be acknowledged, oldest first, within a bound of bytes: the oldest make room for the newest. */
export class BatchBuffer {
  /** In the order of their coming, those under way included. */
  private readonly held = new Set<Batch>();
  private readonly underWay = new Set<Batch>();
  private heldBytes = 0;
  private dropped = 0;

  constructor(private readonly maxBytes: number) {}

  get bytes(): number {
    return this.heldBytes;
  }

  get batches(): number {
    return this.held.size;
  }

  get droppedBatches(): number {
    return this.dropped;
  }

  push(batch: Batch): void {
    this.held.add(batch);
    this.heldBytes += batch.payload.length;
    while (this.heldBytes > this.maxBytes && this.dropOldest()) this.dropped += 1;
  }

  /** The oldest batch that is not under way; it is under way from now on. */
  take(): Batch | undefined {
    const batch = this.oldestAtRest();
    if (batch !== undefined) this.underWay.add(batch);
    return batch;
  }

  /** The batch is stored, or can never be. */
  settle(batch: Batch): void {
    this.underWay.delete(batch);
    this.remove(batch);
  }

  /** The batch was not stored: it is taken again, in its old place. */
  giveBack(batch: Batch): void {
    this.underWay.delete(batch);
  }

  /** Those under way are spared: their acknowledgement may be on its way. */
  private dropOldest(): boolean {
    const oldest = this.oldestAtRest();
    if (oldest !== undefined) this.remove(oldest);
    return oldest !== undefined;
  }

  private oldestAtRest(): Batch | undefined {
    for (const batch of this.held) if (!this.underWay.has(batch)) return batch;
    return undefined;
  }

  private remove(batch: Batch): void {
    if (this.held.delete(batch)) this.heldBytes -= batch.payload.length;
  }
}
