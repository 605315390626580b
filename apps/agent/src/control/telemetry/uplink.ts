import { subjects, type FlowRecord, type LinkRecord } from '@longhaul/contracts';
import { jetstream, type JetStreamClient } from '@nats-io/jetstream';
import { errors, type NatsConnection } from '@nats-io/transport-node';
import { messageOf } from '../../errors.js';
import type { Logger } from '../logger.js';
import {
  REPORT_INTERVAL_MS,
  TELEMETRY_ACK_TIMEOUT_MS,
  TELEMETRY_BUFFER_BYTES,
  TELEMETRY_DRAIN_MS,
  TELEMETRY_IN_FLIGHT,
  TELEMETRY_RETRY_MAX_MS,
  TELEMETRY_RETRY_MIN_MS,
} from '../params.js';
import { BackOff } from '../pause.js';
import { Batcher } from './batcher.js';
import { BatchBuffer, type Batch } from './batch-buffer.js';

export interface TelemetryUplinkOptions {
  readonly organizationId: string;
  readonly agentId: string;
  readonly bootId: string;
  readonly log: Logger;
  readonly bufferBytes?: number;
}

/** What the uplink holds and has lost, since the process started. */
export interface TelemetryStatistics {
  readonly bufferedBatches: number;
  readonly bufferedBytes: number;
  readonly deliveredBatches: number;
  /** Batches that the bound of the buffer pushed out. */
  readonly droppedBatches: number;
  /** Records that came faster than they could be batched. */
  readonly droppedRecords: number;
}

/**
 * Carries link and flow records to JetStream: in batches, each kept until the stream has acknowledged it. Taking a
 * record never waits; while NATS is away the newest are kept within a bound of memory.
 */
export class TelemetryUplink {
  private readonly buffer: BatchBuffer;
  private readonly linkBatcher: Batcher<LinkRecord>;
  private readonly flowBatcher: Batcher<FlowRecord>;
  private client: JetStreamClient | undefined;
  private underWay = 0;
  private delivered = 0;
  private resting = false;
  private readonly backOff = new BackOff(TELEMETRY_RETRY_MIN_MS, TELEMETRY_RETRY_MAX_MS);
  private complaint: string | undefined;
  private intervalMs = REPORT_INTERVAL_MS;
  private timer: NodeJS.Timeout | undefined;
  private onEmpty: (() => void) | undefined;

  constructor(private readonly options: TelemetryUplinkOptions) {
    this.buffer = new BatchBuffer(options.bufferBytes ?? TELEMETRY_BUFFER_BYTES);
    this.linkBatcher = new Batcher('link', 'links', options.bootId);
    this.flowBatcher = new Batcher('flow', 'flows', options.bootId);
  }

  get statistics(): TelemetryStatistics {
    return {
      bufferedBatches: this.buffer.batches,
      bufferedBytes: this.buffer.bytes,
      deliveredBatches: this.delivered,
      droppedBatches: this.buffer.droppedBatches,
      droppedRecords: this.linkBatcher.droppedRecords + this.flowBatcher.droppedRecords,
    };
  }

  start(): void {
    this.timer ??= setInterval(() => this.closeBatches(), this.intervalMs).unref();
  }

  /** Makes a batch of what was gathered this often, in milliseconds. */
  batchEvery(intervalMs: number): void {
    if (intervalMs === this.intervalMs) return;
    this.intervalMs = intervalMs;
    if (this.timer === undefined) return;
    clearInterval(this.timer);
    this.timer = undefined;
    this.start();
  }

  links(records: Iterable<LinkRecord>): void {
    for (const record of records) this.linkBatcher.add(record);
  }

  flows(records: Iterable<FlowRecord>): void {
    for (const record of records) this.flowBatcher.add(record);
  }

  attach(connection: NatsConnection): void {
    this.client = jetstream(connection, { timeout: TELEMETRY_ACK_TIMEOUT_MS });
    this.resting = false;
    this.pump();
  }

  detach(): void {
    this.client = undefined;
  }

  /** Turns what was gathered into batches and sends them. */
  closeBatches(): void {
    for (const batcher of [this.linkBatcher, this.flowBatcher]) {
      for (const batch of batcher.close()) this.buffer.push(batch);
    }
    this.pump();
  }

  /** Stops gathering and hands over what is left, for as long as `timeoutMs`. */
  async stop(timeoutMs = TELEMETRY_DRAIN_MS): Promise<void> {
    clearInterval(this.timer);
    this.timer = undefined;
    this.closeBatches();
    if (this.client === undefined || this.buffer.batches === 0) return;
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, timeoutMs);
      this.onEmpty = () => {
        clearTimeout(late);
        resolve();
      };
    });
  }

  private pump(): void {
    const { client } = this;
    if (client === undefined || this.resting) return;
    // While batches are not acknowledged, one finds out when they are again.
    const most = this.complaint === undefined ? TELEMETRY_IN_FLIGHT : 1;
    while (this.underWay < most) {
      const batch = this.buffer.take();
      if (batch === undefined) break;
      void this.send(client, batch);
    }
    if (this.buffer.batches === 0) this.onEmpty?.();
  }

  private async send(client: JetStreamClient, batch: Batch): Promise<void> {
    this.underWay += 1;
    try {
      await client.publish(this.subjectOf(batch), batch.payload, { msgID: this.messageId(batch) });
      this.delivered += 1;
      this.complaint = undefined;
      this.backOff.reset();
      this.buffer.settle(batch);
    } catch (error) {
      this.failed(batch, error);
    } finally {
      this.underWay -= 1;
    }
    this.pump();
  }

  private failed(batch: Batch, error: unknown): void {
    if (error instanceof errors.InvalidArgumentError) {
      this.options.log.error(`telemetry was refused and is lost: ${error.message}`);
      this.buffer.settle(batch);
      return;
    }
    this.buffer.giveBack(batch);
    const message = messageOf(error);
    if (this.client !== undefined && message !== this.complaint) {
      this.options.log.warn(`telemetry waits: ${message}`);
      this.complaint = message;
    }
    this.rest();
  }

  private rest(): void {
    if (this.resting) return;
    this.resting = true;
    setTimeout(() => {
      this.resting = false;
      this.pump();
    }, this.backOff.next()).unref();
  }

  private subjectOf({ kind }: Batch): string {
    const { organizationId, agentId } = this.options;
    return kind === 'link'
      ? subjects.linkTelemetry(organizationId, agentId)
      : subjects.flowTelemetry(organizationId, agentId);
  }

  /** The stream forgets a message that it has within its window already. */
  private messageId({ kind, sequence }: Batch): string {
    return `${this.options.bootId}.${kind}.${sequence}`;
  }
}
