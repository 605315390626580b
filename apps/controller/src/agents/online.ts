/** Injects the {@link OnlineAgents}. */
export const ONLINE_AGENTS = Symbol('online agents');

/** Tells which agents are connected at this moment. */
export interface OnlineAgents {
  isOnline(organizationId: string, agentId: string): boolean;
}
