// The agent's own command line, for specs that run it as a process of its own: run-agent.mjs <config> <status socket> [more options]
import process from 'node:process';
import { agentCommand } from '../../dist/index.js';

const [config, statusSocket, ...more] = process.argv.slice(2);
await agentCommand().parseAsync(['run', '--config', config, '--status-socket', statusSocket, ...more], {
  from: 'user',
});
