import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('./testing/interception-in-namespace.mjs', import.meta.url));
/** A user namespace makes anyone root of a network of one's own, where the system allows it. */
const UNSHARE = ['-Urn'];
const PATIENCE_MS = 120_000;
const available = spawnSync('unshare', [...UNSHARE, 'nft', 'list', 'tables']).status === 0;

/** How a server at site B sees connections: those that the agent at B makes, and those that come straight from A. */
const BY_TUNNEL = { local: '10.9.0.2', local6: 'fd09::2', routed: '10.9.0.2', routed6: 'fd09::2' };
const STRAIGHT = { local: '10.9.0.1', local6: 'fd09::1', routed: '10.8.0.2', routed6: 'fd08::2' };
const REFUSED = {
  local: 'ECONNRESET',
  local6: 'ECONNRESET',
  routed: 'ECONNRESET',
  routed6: 'ECONNRESET',
};

(available ? test : test.skip).each([1, 2])(
  'connections of the agent’s host and through it are intercepted by the rules, and go straight once it is dead: %d workers',
  (workers) => {
    const { stdout, stderr, status } = spawnSync(
      'unshare',
      [...UNSHARE, process.execPath, SCRIPT, `${workers}`],
      {
        encoding: 'utf8',
        timeout: PATIENCE_MS,
      },
    );
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      accelerated: BY_TUNNEL,
      denied: REFUSED,
      passed: STRAIGHT,
      toTheAgentItself: 'ECONNREFUSED',
      nftProcesses: '1',
      table: 'table inet longhaul_a',
      withoutTable: STRAIGHT,
      tableAgain: BY_TUNNEL,
      afterKill: STRAIGHT,
      again: BY_TUNNEL,
      tableAfterStop: '',
      afterStop: STRAIGHT,
    });
  },
);
