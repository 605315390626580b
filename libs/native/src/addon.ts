import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Binding, Capabilities } from './binding.js';

/** The same place seen from src/ and from dist/. */
export const addonPath = fileURLToPath(new URL('../build/longhaul_native.node', import.meta.url));

const EVERYTHING: Capabilities = {
  marks: true,
  interception: true,
  reusePort: true,
  tcpTuning: true,
  idleResets: true,
  kernelQueues: true,
  datagramMarks: true,
  mtuProbes: true,
  zstdCompression: true,
};

/** The functions of the compiled addon. @throws Error if it was not built, or not for this machine */
export function loadAddon(): Binding {
  const functions = createRequire(import.meta.url)(addonPath) as Omit<Binding, 'capabilities'>;
  return { ...functions, capabilities: EVERYTHING };
}
