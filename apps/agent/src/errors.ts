/** Something that the person who runs the agent can put right; the message says how. */
export class AgentError extends Error {
  override readonly name: string = 'AgentError';
}

const property = (thrown: unknown, name: 'message' | 'code' | 'name'): string | undefined => {
  const value: unknown =
    typeof thrown === 'object' && thrown !== null ? Reflect.get(thrown, name) : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/** The code that Node gives its errors (`ENOENT`, `ECONNREFUSED`, …), of anything that was thrown. */
export function codeOf(error: unknown): string | undefined {
  return property(error, 'code');
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return property(error, 'message') ?? codeOf(error) ?? property(error, 'name') ?? String(error);
}
