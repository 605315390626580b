import { DESIRED_STATE_VERSION, desiredStateSchema, type DesiredState } from '@longhaul/contracts';
import { z } from 'zod';
import { StateRefusedError } from './errors.js';

/** Where a state stands in the order of states. */
export interface StatePosition {
  readonly epoch: number;
  readonly generation: number;
}

/** Before any state. */
export const NO_STATE: StatePosition = { epoch: 0, generation: 0 };

/** Whether `a` comes after `b`: a higher epoch, or a higher generation within the same. */
export const isNewer = (a: StatePosition, b: StatePosition): boolean =>
  a.epoch > b.epoch || (a.epoch === b.epoch && a.generation > b.generation);

export const isSame = (a: StatePosition, b: StatePosition): boolean =>
  a.epoch === b.epoch && a.generation === b.generation;

/** Whom the states are for. */
export interface StateAddressee {
  readonly organizationId: string;
  readonly agentId: string;
}

/** A document that came for this agent: its place in the order, and the state or why it is refused. */
export interface ReadDocument {
  readonly position: StatePosition;
  readonly policyRevision: number | null;
  readonly content: { readonly state: DesiredState } | { readonly refusal: string };
}

/** Of every version, also of those that this agent does not know. */
const headSchema = z.object({
  version: z.int().min(1),
  epoch: z.int().min(1),
  generation: z.int().min(1),
  policyRevision: z.int().min(1).nullable().catch(null),
});

const MAX_ISSUES = 3;

function describe(error: z.ZodError): string {
  const issues = error.issues
    .slice(0, MAX_ISSUES)
    .map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  const more = error.issues.length - issues.length;
  return issues.join('; ') + (more > 0 ? `; and ${more} more` : '');
}

function parseJson(document: Uint8Array): unknown {
  try {
    return JSON.parse(
      Buffer.from(document.buffer, document.byteOffset, document.byteLength).toString('utf8'),
    );
  } catch {
    throw new StateRefusedError('the desired state is not JSON');
  }
}

/** What the schema cannot say: whom it is for, and that every name in it stands for something. */
function inconsistency(state: DesiredState, addressee: StateAddressee): string | undefined {
  if (state.agentId !== addressee.agentId || state.organizationId !== addressee.organizationId) {
    return 'it is for another agent';
  }
  const peers = new Set(state.peers.map((peer) => peer.agentId));
  if (peers.size !== state.peers.length) return 'a peer appears twice';
  if (peers.has(state.agentId)) return 'the agent is its own peer';
  const capless = state.peers.find((peer) => peer.profile === 'fixed' && peer.rateMbps === undefined);
  if (capless !== undefined) return `peer ${capless.name} has the profile "fixed" but no rate`;
  const blind = state.rules.find((rule) => rule.action === 'accelerate' && rule.peerAgentId === undefined);
  if (blind !== undefined) return `rule ${blind.id} accelerates but names no peer`;
  const named = [...state.rules, ...state.forwards, ...state.allow].map(({ peerAgentId }) => peerAgentId);
  const stranger = named.find((id) => id !== undefined && !peers.has(id));
  if (stranger !== undefined) return `it names ${stranger}, which is not among the peers`;
  const listeners = state.forwards.map(({ listenAddress, listenPort }) => `${listenAddress} ${listenPort}`);
  if (new Set(listeners).size !== listeners.length) return 'two forwards listen at the same place';
  return undefined;
}

/**
 * Reads a desired-state document.
 * @throws StateRefusedError when not even its place in the order can be read.
 */
export function readDesiredState(document: Uint8Array, addressee: StateAddressee): ReadDocument {
  const json = parseJson(document);
  const head = headSchema.safeParse(json);
  if (!head.success) throw new StateRefusedError(`the desired state cannot be read: ${describe(head.error)}`);
  const { version, epoch, generation, policyRevision } = head.data;
  const answer = (content: ReadDocument['content']): ReadDocument => ({
    position: { epoch, generation },
    policyRevision,
    content,
  });
  if (version > DESIRED_STATE_VERSION) {
    return answer({
      refusal: `the desired state has version ${version}, this agent knows up to ${DESIRED_STATE_VERSION}: upgrade the agent`,
    });
  }
  const parsed = desiredStateSchema.safeParse(json);
  if (!parsed.success)
    return answer({ refusal: `the desired state is not valid: ${describe(parsed.error)}` });
  const fault = inconsistency(parsed.data, addressee);
  if (fault !== undefined) return answer({ refusal: `the desired state contradicts itself: ${fault}` });
  return answer({ state: parsed.data });
}
