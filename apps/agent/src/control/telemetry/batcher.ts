import type { Batch, TelemetryKind } from './batch-buffer.js';
import { TELEMETRY_BATCH_BYTES, TELEMETRY_BATCH_RECORDS, TELEMETRY_PENDING_RECORDS } from '../params.js';

/** Gathers records of one kind and makes batches of them, numbered since the process started. */
export class Batcher<R> {
  private pending: string[] = [];
  private sequence = 0;
  private dropped = 0;

  constructor(
    private readonly kind: TelemetryKind,
    /** Name of the list in the message. */
    private readonly field: 'links' | 'flows',
    private readonly bootId: string,
  ) {}

  /** Records that came faster than they could be batched. */
  get droppedRecords(): number {
    return this.dropped;
  }

  add(record: R): void {
    if (this.pending.length >= TELEMETRY_PENDING_RECORDS) this.dropped += 1;
    else this.pending.push(JSON.stringify(record));
  }

  /** Everything that was gathered, in batches that NATS takes. */
  *close(): Iterable<Batch> {
    const records = this.pending;
    this.pending = [];
    for (let start = 0; start < records.length;) {
      const end = this.endOfBatch(records, start);
      yield this.encode(records.slice(start, end));
      start = end;
    }
  }

  private endOfBatch(records: readonly string[], start: number): number {
    let bytes = 0;
    let end = start;
    while (end < records.length && end - start < TELEMETRY_BATCH_RECORDS) {
      bytes += Buffer.byteLength(records[end] ?? '') + 1;
      if (bytes > TELEMETRY_BATCH_BYTES && end > start) break;
      end += 1;
    }
    return end;
  }

  private encode(records: readonly string[]): Batch {
    const sequence = this.sequence++;
    const head = JSON.stringify({ version: 1, bootId: this.bootId, sequence }).slice(0, -1);
    const payload = Buffer.from(`${head},"${this.field}":[${records.join(',')}]}`);
    return { kind: this.kind, sequence, records: records.length, payload };
  }
}
