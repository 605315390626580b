import type { LoadTotals } from './flow-load.js';

/** One simulated agent's place in the fleet. */
export interface AgentSeat {
  /** From 0; agent and site have the same. */
  readonly number: number;
  readonly agentId: string;
  readonly siteId: string;
}

/** Public halves of the keys that an agent has made for itself. */
export interface AgentKeys {
  readonly number: number;
  readonly natsPublicKey: string;
  readonly tunnelPublicKey: string;
}

/** What an agent says became of a desired state. */
export interface AgentOutcome {
  readonly number: number;
  readonly policyRevision: number | null;
  readonly generation: number;
  readonly outcome: string;
  /** Unix milliseconds at which it was concluded, by this machine's clock. */
  readonly atMs: number;
  /** How often a state was put in force since the agent's start. */
  readonly applications: number;
}

/** Where the agents of a process belong. */
export interface AgentSurroundings {
  /** Keeps each agent's state directory. */
  readonly stateDir: string;
  readonly organizationId: string;
  readonly controllerUrl: string;
  readonly natsUrls: readonly string[];
  readonly caPem: string;
}

export interface AgentCredentialMessage {
  readonly number: number;
  readonly jwt: string;
  readonly expiresAt: string;
}

export interface LoadRequest {
  readonly kind: 'load';
  readonly seconds: number;
  /** Of each agent of the process, by its place there. */
  readonly connections: readonly number[];
  readonly peers: readonly AgentSeat[];
}

/** To a process that holds agents. */
export type AgentRequest =
  | { readonly kind: 'make'; readonly surroundings: AgentSurroundings; readonly seats: readonly AgentSeat[] }
  | { readonly kind: 'connect'; readonly credentials: readonly AgentCredentialMessage[] }
  | LoadRequest;

/** How the telemetry of a process's agents stands. */
export interface LoadState extends LoadTotals {
  /** Everything has been handed to the agents' uplinks. */
  readonly complete: boolean;
  /** Batches that the stream has not acknowledged yet. */
  readonly waiting: number;
  /** Records and batches that an agent gave up: lost on this side. */
  readonly dropped: number;
}

/** From a process that holds agents. */
export type AgentReport =
  | { readonly kind: 'made'; readonly keys: readonly AgentKeys[] }
  | { readonly kind: 'connected'; readonly connected: number }
  | { readonly kind: 'outcomes'; readonly outcomes: readonly AgentOutcome[] }
  | { readonly kind: 'load'; readonly state: LoadState }
  | { readonly kind: 'failed'; readonly message: string };
