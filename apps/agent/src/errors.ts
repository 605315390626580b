/** Something that the person who runs the agent can put right; the message says how. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
