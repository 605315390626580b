import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Everything that this process counts, for Prometheus. Names and labels are documented in docs/telemetry.md. */
export const registry = new Registry();

collectDefaultMetrics({ register: registry });

const registers = [registry];

/** Bounds of durations, in seconds: from a cached answer to a statement that is given up. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export const httpRequestSeconds = new Histogram({
  name: 'longhaul_http_request_duration_seconds',
  help: 'HTTP requests by the part of the API that they went to.',
  labelNames: ['method', 'route', 'status'] as const,
  buckets: SECONDS,
  registers,
});

export const graphqlOperationSeconds = new Histogram({
  name: 'longhaul_graphql_operation_duration_seconds',
  help: 'GraphQL operations; outcome is "ok" or the code of the first error.',
  labelNames: ['type', 'outcome'] as const,
  buckets: SECONDS,
  registers,
});

export const telemetryMessages = new Counter({
  name: 'longhaul_telemetry_messages_total',
  help: 'Telemetry batches of agents that were dealt with: stored (again, if they came again), refused as of a wrong clock, or unstorable.',
  labelNames: ['outcome'] as const,
  registers,
});

export const telemetryRecords = new Counter({
  name: 'longhaul_telemetry_records_total',
  help: 'Records of telemetry that were stored, those that came again included.',
  labelNames: ['kind'] as const,
  registers,
});

export const telemetryStoreSeconds = new Histogram({
  name: 'longhaul_telemetry_store_duration_seconds',
  help: 'Transactions that store telemetry.',
  buckets: SECONDS,
  registers,
});

export const rollupBuckets = new Counter({
  name: 'longhaul_telemetry_rollup_buckets_total',
  help: 'Buckets of agents that were computed, by the length of the bucket.',
  labelNames: ['resolution'] as const,
  registers,
});

export const outboxRows = new Counter({
  name: 'longhaul_outbox_processed_total',
  help: 'Rows of the outbox that were carried out, or are to be tried again.',
  labelNames: ['topic', 'outcome'] as const,
  registers,
});

export const notificationAttempts = new Counter({
  name: 'longhaul_notification_attempts_total',
  help: 'Attempts to tell of alerts, by channel (webhook, email) and outcome (delivered, failed).',
  labelNames: ['channel', 'outcome'] as const,
  registers,
});

/**
 * A gauge that is read when it is asked for. What cannot be read now is left out of the answer, and the rest is given.
 *
 * @returns how to take it away again
 */
export const gaugeOf = <Label extends string>(
  name: string,
  help: string,
  labelNames: readonly Label[],
  read: () => Promise<readonly Reading<Label>[]> | readonly Reading<Label>[],
): (() => void) => {
  registry.removeSingleMetric(name);
  const gauge: Gauge<Label> = new Gauge({
    name,
    help,
    labelNames: [...labelNames],
    registers,
    async collect() {
      gauge.reset();
      const readings = await Promise.resolve()
        .then(read)
        .catch(() => []);
      for (const { labels, value } of readings) gauge.set(labels, value);
      if (readings.length === 0) gauge.remove();
    },
  });
  return () => {
    registry.removeSingleMetric(name);
  };
};

export interface Reading<Label extends string> {
  readonly labels: Partial<Record<Label, string>>;
  readonly value: number;
}
