import { setImmediate as nextTurn } from 'node:timers/promises';

/** What the specs of this package share. Waits end in an error, never in a hang. */

const WAIT_MS = 60_000;
/** Looked up once: in Jest's sandbox a global costs more than the loop around it. */
const { imul } = Math;

export interface Thrown {
  name: string;
  code: string | undefined;
  message: string;
}

/** What `run` throws. The addon's errors are of Node's own realm, which Jest's `toThrow(RangeError)` does not know. */
export function thrownBy(run: () => unknown): Thrown | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    const { name, code, message } = error as Thrown;
    return { name, code, message };
  }
}

/** `test` for what this implementation can do; what it cannot is the subject of capabilities.spec.ts. */
export function testWhere(offered: boolean): jest.It {
  return offered ? test : test.skip;
}

export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await nextTurn();
  }
}

/** Bytes without a period that a shift could hide in. */
export function patternBytes(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
