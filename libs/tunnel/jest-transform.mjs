import { createTransformer as createSwcTransformer } from '@swc/jest';

/**
 * In the contexts that Jest runs tests in, every access to a global goes through an interceptor: simulations spend nine
 * tenths of their time there. As constants of each module the globals cost nothing.
 */
const PRELUDE =
  'const { Math, Infinity, Number, Uint8Array, Int32Array, Float64Array, Map, Array } = globalThis;';

/** @swc/jest with {@link PRELUDE} in front of each module, on its first line, so that line numbers stay. */
export function createTransformer(options) {
  const swc = createSwcTransformer(options);
  const withPrelude = (result) => ({ ...result, code: PRELUDE + result.code });
  return {
    ...swc,
    process: (...input) => withPrelude(swc.process(...input)),
    processAsync: async (...input) => withPrelude(await swc.processAsync(...input)),
    getCacheKey: (...input) => swc.getCacheKey(...input) + PRELUDE.length,
  };
}

export default { createTransformer };
