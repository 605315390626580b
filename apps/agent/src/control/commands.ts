import { readFile } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import { messageOf } from '../errors.js';
import { AGENT_VERSION } from '../version.js';
import { DEFAULT_TUNNEL_PORT, enrollAgent, type Enrollment } from './enroll.js';
import { ControlError } from './errors.js';
import { rotateKeys } from './rotate-keys.js';

/** Where an enrolled agent keeps its keys, its credential and its last good state. */
export const DEFAULT_STATE_DIR = '/var/lib/longhaul/agent';

const TOKEN_VARIABLE = 'LONGHAUL_ENROLLMENT_TOKEN';

interface EnrollArguments {
  readonly controller: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly caSha256?: string;
  readonly stateDir: string;
  readonly address?: string[];
  readonly tunnelPort: number;
  readonly json?: boolean;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new InvalidArgumentError('It must be a port, 1 to 65535.');
  }
  return port;
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

/** `longhaul agent enroll` */
export function enrollCommand(): Command {
  return new Command('enroll')
    .description('makes this machine an agent of a controller')
    .requiredOption('--controller <url>', 'https address of the controller')
    .option('--token <token>', `enrolment token; or ${TOKEN_VARIABLE}, or --token-file`)
    .option('--token-file <file>', 'file that holds the token')
    .option('--ca-sha256 <hex>', "fingerprint of the controller's CA; without it the system's CAs decide")
    .option('--state-dir <dir>', 'where keys and credential are kept', DEFAULT_STATE_DIR)
    .option(
      '--address <address>',
      "where peers reach this agent; repeatable, best first (default: this machine's own)",
      collect,
    )
    .option('--tunnel-port <port>', 'UDP port of the tunnel', parsePort, DEFAULT_TUNNEL_PORT)
    .option('--json', 'print the result as JSON')
    .action(enroll);
}

/** `longhaul agent rotate-keys` */
export function rotateKeysCommand(): Command {
  return new Command('rotate-keys')
    .description('makes new keys for this agent, which it takes within seconds, or when it starts')
    .option('--state-dir <dir>', 'where keys and credential are kept', DEFAULT_STATE_DIR)
    .option('--json', 'print the result as JSON')
    .action(async ({ stateDir, json }: { stateDir: string; json?: boolean }) => {
      const change = await rotateKeys(stateDir);
      process.stdout.write(
        json === true
          ? `${JSON.stringify(change)}\n`
          : `The controller knows the new keys of agent ${change.agentId}. The agent takes them within seconds, if it runs; else start it within four hours: then the old ones end.\n`,
      );
    });
}

async function enroll(args: EnrollArguments): Promise<void> {
  const enrollment = await enrollAgent({
    controllerUrl: args.controller,
    token: await tokenOf(args),
    caSha256: args.caSha256,
    stateDir: args.stateDir,
    addresses: args.address,
    tunnelPort: args.tunnelPort,
    agentVersion: AGENT_VERSION,
  });
  process.stdout.write(args.json === true ? `${JSON.stringify(enrollment)}\n` : describe(enrollment, args));
}

async function tokenOf({ token, tokenFile }: EnrollArguments): Promise<string> {
  if (token !== undefined) return token;
  if (tokenFile !== undefined) {
    try {
      return await readFile(tokenFile, 'utf8');
    } catch (error) {
      throw new ControlError(`cannot read ${tokenFile}: ${messageOf(error)}`);
    }
  }
  const fromEnvironment = process.env[TOKEN_VARIABLE];
  if (fromEnvironment !== undefined && fromEnvironment !== '') return fromEnvironment;
  throw new ControlError(`an enrolment token is needed: --token, --token-file or ${TOKEN_VARIABLE}`);
}

function describe({ agentId, state }: Enrollment, { stateDir }: EnrollArguments): string {
  const next =
    state === 'pending'
      ? 'It waits to be approved in the portal, or by "longhaul agents approve".'
      : 'It is approved.';
  const where = stateDir === DEFAULT_STATE_DIR ? '' : ` --state-dir ${stateDir}`;
  return `This machine is agent ${agentId}. ${next}\nStart it: longhaul agent run${where}\n`;
}
