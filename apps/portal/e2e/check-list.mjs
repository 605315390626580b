/** A check that did not hold; its message says what was seen. */
export class CheckFailed extends Error {}

/** @type {(condition: unknown, seen: string) => asserts condition} */
export function expect(condition, seen) {
  if (!condition) throw new CheckFailed(seen);
}

/** Runs named checks one after the other; one that fails does not keep the next from running. */
export class CheckList {
  results = [];
  #print;

  constructor(print) {
    this.#print = print;
  }

  /** @param {string} name what is promised @param {() => Promise<string | void>} run may return what was measured */
  async check(name, run) {
    try {
      const detail = await run();
      this.#record({ name, passed: true, ...(detail && { detail }) });
    } catch (error) {
      const detail =
        error instanceof CheckFailed
          ? error.message
          : String(error?.stack ?? error)
              .split('\n')
              .slice(0, 4)
              .join(' ');
      this.#record({ name, passed: false, detail });
    }
  }

  #record(result) {
    this.results.push(result);
    this.#print(
      `${result.passed ? 'passed' : 'FAILED'}  ${result.name}${result.detail ? `  (${result.detail})` : ''}`,
    );
  }
}
