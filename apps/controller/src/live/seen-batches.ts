/** Tells batches that were seen already: an agent sends one again until it is acknowledged. */
export class SeenBatches {
  private readonly last = new Map<string, { readonly bootId: string; readonly sequence: number }>();

  /** Whether a batch of this source is newer than the last. A process that has started anew begins anew. */
  isNew(source: string, { bootId, sequence }: { bootId: string; sequence: number }): boolean {
    const last = this.last.get(source);
    if (last?.bootId === bootId && sequence <= last.sequence) return false;
    this.last.set(source, { bootId, sequence });
    return true;
  }
}
