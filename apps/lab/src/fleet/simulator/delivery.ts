import type pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { ControllerClient } from '../controller-client.js';
import type { AgentOutcome } from './agent-messages.js';
import type { AgentPool } from './agent-pool.js';
import { percentilesOf, type Percentiles } from './percentiles.js';

/** Looking takes the database a millisecond or two for ten thousand agents. */
const POLL_MS = 50;
/** So long a fleet may take, a controller that is killed and starts again included. */
const DELIVERY_TIMEOUT_MS = 180_000;
/** The middle of a delivery: this share of the agents has confirmed. */
const MIDDLE_SHARE = 1 / 3;
/** Smaller fleets are through before one looks: their middle is when the mutation is answered. */
const LARGE_FLEET = 1_000;

const SAVE_POLICY = `mutation ($input: SavePolicyInput!) { savePolicy(input: $input) { revision } }`;
const revisionSchema = z.object({ revision: z.int() });

/** How one policy reached the whole fleet. */
export interface Delivery {
  /** From the begin of the mutation until an agent has confirmed. */
  readonly confirmedMs: Percentiles;
  /** … until the controller has stored so many confirmations. */
  readonly storedMs: Percentiles;
  /** Until the mutation was answered: compiled and committed for all agents. */
  readonly publishMs: number;
  /** Agents that did not come to the policy, or of which the controller does not know that they did. */
  readonly lost: number;
  /** Agents that put it in force more than once, or were given more than one state. */
  readonly duplicated: number;
}

export interface DeliveryOptions {
  readonly api: ControllerClient;
  /** A superuser's. */
  readonly database: pg.Client;
  readonly pool: AgentPool;
  readonly agents: number;
  /** TCP ports that the policy accelerates: others than in the one before. */
  readonly ports: readonly number[];
  readonly expectedRevision: number | null;
  /** Called once in the middle of it; it goes on when that has resolved. */
  readonly inTheMiddle?: (() => Promise<void>) | undefined;
}

/** Publishes a policy that changes every agent's desired state, and waits until all have confirmed it. */
export async function deliverPolicy(
  options: DeliveryOptions,
): Promise<Delivery & { readonly revision: number }> {
  const { api, pool, agents, database, ports, expectedRevision, inTheMiddle } = options;
  const before = await stateOfAgents(database);
  const outcomes = new Map<number, AgentOutcome[]>();
  const stop = pool.onOutcomes((heard) => {
    for (const outcome of heard) {
      outcomes.set(outcome.number, [...(outcomes.get(outcome.number) ?? []), outcome]);
    }
  });
  try {
    const beganAtMs = Date.now();
    const { savePolicy } = await api.query(
      SAVE_POLICY,
      { input: { expectedRevision, message: 'fleet', rules: [ruleFor(ports)] } },
      z.object({ savePolicy: revisionSchema }),
    );
    const publishMs = Date.now() - beganAtMs;
    const { revision } = savePolicy;
    const deadline = beganAtMs + DELIVERY_TIMEOUT_MS;
    const isMiddle = (): boolean => agents < LARGE_FLEET || outcomes.size >= agents * MIDDLE_SHARE;
    let middle: Promise<void> | undefined;
    let stored = 0;
    const storedAtMs: number[] = [];
    while ((stored < agents || outcomes.size < agents) && Date.now() < deadline) {
      if (isMiddle()) middle ??= inTheMiddle?.();
      // Looked at below; until then it is nobody's.
      middle?.catch(() => undefined);
      await sleep(POLL_MS);
      stored = await confirmations(database, revision);
      while (storedAtMs.length < stored) storedAtMs.push(Date.now() - beganAtMs);
    }
    await middle;
    await outboxIsEmpty(database, deadline);
    const after = await stateOfAgents(database);
    return {
      revision,
      publishMs,
      confirmedMs: percentilesOf(
        [...outcomes.values()].flatMap(
          (list) => list.filter(isApplied(revision)).map(({ atMs }) => atMs - beganAtMs)[0] ?? [],
        ),
      ),
      storedMs: percentilesOf(storedAtMs),
      lost: agents - (await conformingAgents(database, revision)),
      duplicated: countDuplicates(outcomes, before, after),
    };
  } finally {
    stop();
  }
}

const isApplied =
  (revision: number) =>
  ({ outcome, policyRevision }: AgentOutcome): boolean =>
    outcome === 'applied' && policyRevision === revision;

const ruleFor = (ports: readonly number[]) => ({
  name: 'Fleet',
  priority: 100,
  action: 'ACCELERATE',
  ports: ports.map((port) => ({ from: port, to: port })),
});

/** By site number: how many states an agent was given, since ever. */
type Generations = ReadonlyMap<number, number>;

async function stateOfAgents(database: pg.Client): Promise<Generations> {
  const { rows } = await database.query<{ number: number; generation: number }>(
    `SELECT substring(hostname FROM 'edge-(.*)')::int AS number, generation
     FROM agents JOIN agent_desired_states ON agent_id = id`,
  );
  return new Map(rows.map(({ number, generation }) => [number, generation]));
}

/** Agents that put a state in force again, or were given more than one. */
function countDuplicates(
  outcomes: ReadonlyMap<number, readonly AgentOutcome[]>,
  before: Generations,
  after: Generations,
): number {
  let count = 0;
  for (const [number, generation] of after) {
    const given = generation - (before.get(number) ?? 0);
    // Each state is put in force once: an agent has done so as often as it was given one.
    const applications = outcomes.get(number)?.at(-1)?.applications ?? generation;
    if (given > 1 || applications > generation) count += 1;
  }
  return count;
}

/** Agents of which the controller has stored that the very state that they have to be in, of this revision, is in force. */
async function conformingAgents(database: pg.Client, revision: number): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    `SELECT count(*)::int AS count
     FROM agent_applied a JOIN agent_desired_states d USING (organization_id, agent_id)
     WHERE a.outcome = 'APPLIED' AND a.policy_revision = $1 AND d.revision = $1
       AND a.epoch = d.epoch AND a.generation = d.generation`,
    [revision],
  );
  return rows[0]?.count ?? 0;
}

/** Agents of which the controller has stored that they are at this revision. */
async function confirmations(database: pg.Client, revision: number): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM agent_applied WHERE outcome = 'APPLIED' AND policy_revision = $1",
    [revision],
  );
  return rows[0]?.count ?? 0;
}

/** What is still to be delivered would count as an agent's second state. */
async function outboxIsEmpty(database: pg.Client, deadline: number): Promise<void> {
  for (;;) {
    const { rows } = await database.query<{ count: number }>('SELECT count(*)::int AS count FROM outbox');
    if (rows[0]?.count === 0) return;
    if (Date.now() > deadline)
      throw new Error(`${String(rows[0]?.count)} rows of the outbox are not delivered`);
    await sleep(POLL_MS);
  }
}
