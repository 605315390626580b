import { WanEmulator } from './emulator.js';
import { NetworkNamespace } from './namespace.js';
import type { EmulatedPath } from './measure.js';

export interface TestPath extends EmulatedPath {
  destroy(): Promise<void>;
}

/** Two bare namespaces joined by an emulator, for the tests of this package. Needs root. */
export async function createTestPath(prefix: string, seed = 1): Promise<TestPath> {
  const names = [`${prefix}a`, `${prefix}b`] as const;
  for (const name of names) NetworkNamespace.remove(name);
  const [a, b] = [NetworkNamespace.create(names[0]), NetworkNamespace.create(names[1])];
  const emulator = await WanEmulator.start({ namespaceA: a.name, namespaceB: b.name, seed });
  for (const [namespace, host] of [
    [a, 1],
    [b, 2],
  ] as const) {
    namespace.ip([
      'link set wan0 addrgenmode none', // no link-local address, so no router solicitations among the counts
      `addr add 10.77.1.${host}/30 dev wan0`,
      `addr add fd77::${host}/64 dev wan0 nodad`,
      'link set wan0 txqueuelen 10000 up',
    ]);
  }
  return {
    emulator,
    a: { address: '10.77.1.1', exec: (argv) => a.exec(argv) },
    b: { address: '10.77.1.2', exec: (argv) => b.exec(argv) },
    destroy: async () => {
      await emulator.stop();
      a.remove();
      b.remove();
    },
  };
}
