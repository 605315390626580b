import { JetStreamApiError } from '@nats-io/jetstream';
import type { KV } from '@nats-io/kv';
import { desiredStateKey, MAX_NUDGED_STATE_BYTES, subjects, type NoticeMessage } from '@longhaul/contracts';
import { openDesiredStates } from '../nats/streams.js';
import type { NatsService } from '../nats/nats.service.js';

/** Two replicas that write one key take turns; more turns than this, and something is wrong. */
const MAX_TURNS = 10;
/** JetStream's codes for "the key was written since you read it". */
const WRONG_LAST_SEQUENCE: readonly number[] = [10071, 10164];

/** Where a state stands in the order of an agent's states. */
export interface StatePosition {
  readonly epoch: number;
  readonly generation: number;
}

/** A compiled desired state, as the database holds it. */
export interface StoredState extends StatePosition {
  readonly organizationId: string;
  readonly agentId: string;
  /** JSON */
  readonly document: string;
}

const isBefore = (a: StatePosition, b: StatePosition): boolean =>
  a.epoch < b.epoch || (a.epoch === b.epoch && a.generation < b.generation);

/** What is in the bucket under a key. */
interface Entry extends StatePosition {
  readonly revision: number;
}

/** The key-value bucket that agents read their desired states from. */
export class DesiredStateStore {
  private bucket: Promise<KV> | undefined;
  /**
   * What this process wrote last under each key: saves reading it before the next write. Never relied upon: the server refuses
   * a write that builds on something else than what is there.
   */
  private readonly written = new Map<string, Entry>();

  constructor(private readonly nats: NatsService) {}

  /**
   * Writes the state unless the bucket has it, or a newer one. Never replaces a newer state, whoever writes besides.
   *
   * @returns whether it wrote
   */
  async write(state: StoredState): Promise<boolean> {
    const bucket = await this.open();
    const key = desiredStateKey(state.organizationId, state.agentId);
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      const written = this.written.get(key);
      const current = written && isBefore(written, state) ? written : await readEntry(bucket, key);
      if (current && !isBefore(current, state)) return false;
      try {
        const { epoch, generation } = state;
        const revision = current
          ? await bucket.update(key, state.document, current.revision)
          : await bucket.create(key, state.document);
        this.written.set(key, { epoch, generation, revision });
        return true;
      } catch (error) {
        this.written.delete(key);
        if (!(error instanceof JetStreamApiError) || !WRONG_LAST_SEQUENCE.includes(error.code)) throw error;
      }
    }
    throw new Error(`the desired state of agent ${state.agentId} is being written by too many`);
  }

  /** Tells the agent its desired state, or to read a large one; an agent that does not hear it reads it by itself, later. */
  async tell({ organizationId, agentId, document }: StoredState): Promise<void> {
    const isSmall = Buffer.byteLength(document) <= MAX_NUDGED_STATE_BYTES;
    (await this.nats.agents()).publish(
      subjects.nudge(organizationId, agentId),
      isSmall ? document : undefined,
    );
  }

  /** Tells the agent to read its desired state, and to ask for its credential if it waits for that. */
  async nudge(organizationId: string, agentId: string): Promise<void> {
    (await this.nats.agents()).publish(subjects.nudge(organizationId, agentId));
  }

  /** Tells every process that works as the agent that it is not the only one. */
  async warnOfClone(organizationId: string, agentId: string): Promise<void> {
    const notice: NoticeMessage = {
      version: 1,
      code: 'CLONED',
      message:
        'two processes work with the identity of this agent: stop the one that is a copy, remove its state folder, and enrol it with a token of its own; if you copied nothing, revoke the agent, its keys are stolen',
    };
    (await this.nats.agents()).publish(subjects.notice(organizationId, agentId), JSON.stringify(notice));
  }

  async remove(organizationId: string, agentId: string): Promise<void> {
    const key = desiredStateKey(organizationId, agentId);
    this.written.delete(key);
    await (await this.open()).purge(key);
  }

  private open(): Promise<KV> {
    this.bucket ??= this.nats.agents().then(openDesiredStates);
    this.bucket.catch(() => {
      this.bucket = undefined;
    });
    return this.bucket;
  }
}

/** Undefined where there is nothing, or nothing any more. */
const readEntry = async (bucket: KV, key: string): Promise<Entry | undefined> => {
  const entry = await bucket.get(key);
  return entry?.operation === 'PUT' ? { ...positionOf(entry.value), revision: entry.revision } : undefined;
};

/** Of what is in the bucket; something that cannot be read comes before everything. */
const positionOf = (document: Uint8Array): StatePosition => {
  try {
    const { epoch, generation } = JSON.parse(Buffer.from(document).toString('utf8')) as StatePosition;
    return { epoch, generation };
  } catch {
    return { epoch: 0, generation: 0 };
  }
};
