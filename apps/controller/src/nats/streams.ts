import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type ConsumerConfig,
  type JetStreamManager,
  type StreamConfig,
} from '@nats-io/jetstream';
import { Kvm, type KV } from '@nats-io/kv';
import { nanos, type NatsConnection } from '@nats-io/transport-node';
import { DESIRED_STATE_BUCKET, subjects, TELEMETRY_STREAM } from '@longhaul/contracts';

const DAY_MS = 86_400_000;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/**
 * Keeps the last hello and the last outcome of every agent until the controller has stored them, so that neither is lost
 * while it is away. Agents publish to plain subjects and need not know.
 */
export const STATUS_STREAM = 'AGENT_STATUS';

/** Durable consumers, shared by all replicas of the controller. */
export const TELEMETRY_CONSUMER = 'telemetry-writer';
export const STATUS_CONSUMER = 'status-writer';

/** For how long a replica may hold a message before another gets it. */
const ACK_WAIT_MS = 30_000;

const STREAMS: readonly (Partial<StreamConfig> & { name: string })[] = [
  {
    name: TELEMETRY_STREAM,
    subjects: [subjects.all.telemetry],
    // A buffer for when PostgreSQL is away; telemetry lives there.
    max_age: nanos(DAY_MS),
    max_bytes: 8 * GIB,
    max_msg_size: 4 * MIB,
    // Keys in the database make storage exact. The server holds each id of the window in memory: a million in two minutes.
    duplicate_window: nanos(30_000),
  },
  {
    name: STATUS_STREAM,
    subjects: [subjects.all.hello, subjects.all.applied],
    max_msgs_per_subject: 1,
    max_age: nanos(7 * DAY_MS),
    max_bytes: GIB,
    max_msg_size: 64 * 1024,
  },
];

const CONSUMERS: readonly (readonly [string, Partial<ConsumerConfig>])[] = [
  [TELEMETRY_STREAM, { durable_name: TELEMETRY_CONSUMER, max_ack_pending: 20_000 }],
  [STATUS_STREAM, { durable_name: STATUS_CONSUMER, max_ack_pending: 20_000 }],
];

/** Makes streams, consumers and bucket, or brings them to this release's settings; safe to repeat. */
export const ensureStreams = async (connection: NatsConnection): Promise<void> => {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  for (const stream of STREAMS) await ensureStream(manager, stream);
  for (const [stream, consumer] of CONSUMERS) {
    await manager.consumers.add(stream, {
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: nanos(ACK_WAIT_MS),
      ...consumer,
    });
  }
  await openDesiredStates(connection);
};

const ensureStream = async (
  manager: JetStreamManager,
  config: Partial<StreamConfig> & { name: string },
): Promise<void> => {
  const whole: Partial<StreamConfig> & { name: string } = {
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    num_replicas: 1,
    ...config,
  };
  const exists = await manager.streams.info(config.name).then(
    () => true,
    () => false,
  );
  if (exists) await manager.streams.update(config.name, whole);
  else await manager.streams.add(whole);
};

/** The bucket of desired states. Agents read their own key by direct get. */
export const openDesiredStates = (connection: NatsConnection): Promise<KV> =>
  new Kvm(connection).create(DESIRED_STATE_BUCKET, {
    history: 1,
    storage: StorageType.File,
    allow_direct: true,
    max_bytes: 4 * GIB,
  });
