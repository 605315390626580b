import { spawnSync } from 'node:child_process';
import { addonPath } from './addon.js';
import { PROCESS_PATIENCE_MS, runProcess, scriptPath } from './testing/processes.js';

/** A user namespace makes one root of a network of one's own, where the system allows it. */
const unshare = ['-Urn'];
const available =
  spawnSync('unshare', [...unshare, 'sh', '-c', 'ip link set lo up && nft list tables']).status === 0;

(available ? test : test.skip)(
  'in a network of its own: redirection, transparent sockets, marks, and no fragments',
  async () => {
    const script = scriptPath('in-namespace.mjs');
    const result = await runProcess('unshare', [...unshare, process.execPath, script, addonPath]);
    expect({ ...result, output: result.code === 0 ? '' : result.output }).toEqual({
      code: 0,
      signal: null,
      output: '',
    });
    expect(JSON.parse(result.output)).toEqual({
      redirected: [
        { address: '127.0.0.1', port: 8080 },
        { address: '::1', port: 8080 },
      ],
      transparent: [
        ['10.9.1.2', '10.9.7.7'],
        ['fd09::5', 'fd09::77'],
      ],
      marked: [1, 1],
      unfragmented: [1, 2, 3].map(() => ({ packetsSent: 1, sendErrors: 1, lastSendError: 'EMSGSIZE' })),
    });
  },
  PROCESS_PATIENCE_MS,
);
