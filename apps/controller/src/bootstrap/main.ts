import { parseArgs } from 'node:util';
import { prepareControllerState } from './prepare.js';

/**
 * `node dist/bootstrap/main.js --state-dir DIR [--host NAME]…` prepares an installation's state and prints, as JSON,
 * what a supervisor needs: `caFile`, `caSha256`, `natsConfigFile`, `certificatesChanged`. No secret is printed.
 */
const { values } = parseArgs({
  options: {
    'state-dir': { type: 'string' },
    host: { type: 'string', multiple: true, default: [] },
  },
});
const stateDir = values['state-dir'];
if (stateDir === undefined) {
  console.error('usage: bootstrap --state-dir DIR [--host NAME_OR_ADDRESS]…');
  process.exit(2);
}
const { caFile, caSha256, natsConfigFile, certificatesChanged } = await prepareControllerState(stateDir, {
  hosts: values.host,
});
console.log(JSON.stringify({ caFile, caSha256, natsConfigFile, certificatesChanged }));
