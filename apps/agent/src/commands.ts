import { hostname } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { pino } from 'pino';
import { DEFAULT_STATE_DIR, enrollCommand, rotateKeysCommand } from './control/commands.js';
import { EnrolledStateSource } from './control/enrolled-state-source.js';
import { MAX_DATA_PLANE_WORKERS } from './data-plane/worker-count.js';
import { generateKeyPair } from './keys.js';
import { parseMetricsAddress, type MetricsAddress } from './metrics/metrics-server.js';
import { runAgent, stopSignal } from './run-agent.js';
import { loadStaticConfig } from './static-config/load.js';
import { StaticStateSource } from './static-config/static-state-source.js';
import { agentStatus, type StatusOptions } from './status/agent-status.js';
import { formatReport } from './status/table.js';
import { runManagedAgent } from './upgrade/managed-agent.js';
import { Supervisor } from './upgrade/supervisor.js';

/** `longhaul agent …` */
export function agentCommand(): Command {
  return new Command('agent')
    .description('the edge agent of a site')
    .addCommand(enrollCommand())
    .addCommand(rotateKeysCommand())
    .addCommand(runCommand())
    .addCommand(superviseCommand())
    .addCommand(managedCommand(), { hidden: true })
    .addCommand(statusCommand())
    .addCommand(genkeyCommand());
}

interface RunArguments {
  readonly config?: string;
  readonly stateDir?: string;
  readonly name: string;
  readonly statusSocket?: string;
  readonly logLevel: string;
  readonly dataPlaneWorkers?: number;
  readonly metricsListen?: MetricsAddress;
}

function runCommand(): Command {
  return withRunOptions(new Command('run'))
    .description('runs the agent in the foreground until SIGTERM or SIGINT')
    .option('--config <file>', 'static file instead of a controller (docs/static-config.md)')
    .action(run);
}

function superviseCommand(): Command {
  return withRunOptions(new Command('supervise'))
    .description(
      'runs an enrolled agent as "run" does, and upgrades it when its controller wants another version',
    )
    .action(supervise);
}

/** What `supervise` starts. */
function managedCommand(): Command {
  return withRunOptions(new Command('managed')).action(async (args: RunArguments) => {
    const { stateDir = DEFAULT_STATE_DIR, logLevel, ...rest } = args;
    await runManagedAgent({ ...rest, stateDir, log: pino({ level: logLevel }) });
  });
}

function withRunOptions(command: Command): Command {
  return command
    .option(
      '--state-dir <dir>',
      `where "agent enroll" left keys and credential (${DEFAULT_STATE_DIR}), and what is learnt of paths is kept`,
    )
    .option('--name <name>', 'name of an enrolled agent on this machine', hostname())
    .option('--status-socket <path>', 'UNIX socket on which "agent status" asks')
    .option(
      '--data-plane-workers <count>',
      `threads that tunnels are shared out among, 1 to ${MAX_DATA_PLANE_WORKERS}; by default half of the cores, one on up to 2 (goes before the file's dataPlaneWorkers)`,
      workerCount,
    )
    .option(
      '--metrics-listen <[host:]port>',
      'serves Prometheus metrics at /metrics over plain HTTP, on loopback unless a host is given; by default nowhere',
      metricsAddress,
    )
    .option('--log-level <level>', 'trace, debug, info, warn, error or silent', 'info');
}

async function supervise({ stateDir = DEFAULT_STATE_DIR, logLevel }: RunArguments): Promise<void> {
  const log = pino({ level: logLevel });
  const stopRequest = stopSignal();
  // Its processes have the same options, and read them themselves.
  const given = process.argv.slice(process.argv.indexOf('supervise') + 1);
  const supervisor = await Supervisor.start({ stateDir, log, arguments: given });
  try {
    log.info({ signal: await Promise.race([stopRequest, supervisor.failed]) }, 'supervisor stops');
  } finally {
    await supervisor.stop();
  }
}

/** @throws InvalidArgumentError */
function workerCount(text: string): number {
  const count = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > MAX_DATA_PLANE_WORKERS)
    throw new InvalidArgumentError(`It has to be a whole number from 1 to ${MAX_DATA_PLANE_WORKERS}.`);
  return count;
}

/** @throws InvalidArgumentError */
function metricsAddress(text: string): MetricsAddress {
  const address = parseMetricsAddress(text);
  if (address === undefined) throw new InvalidArgumentError('It has to be a port, host:port or [v6]:port.');
  return address;
}

async function run({ config, stateDir, name, statusSocket, logLevel, ...rest }: RunArguments): Promise<void> {
  const log = pino({ level: logLevel });
  if (config === undefined) {
    const enrolledDir = stateDir ?? DEFAULT_STATE_DIR;
    const source = await EnrolledStateSource.open({ stateDir: enrolledDir, log });
    await runAgent({ name, source, log, statusSocket, stateDir: enrolledDir, ...rest });
    return;
  }
  const agent = await loadStaticConfig(config);
  const source = new StaticStateSource(config, agent);
  const { memoryBytes, state } = agent;
  const dataPlaneWorkers = rest.dataPlaneWorkers ?? agent.dataPlaneWorkers;
  const place = { statusSocket, stateDir, metricsListen: rest.metricsListen };
  const size = { memoryBytes, dataPlaneWorkers, peers: state.peers.length };
  await runAgent({ name: agent.name, source, log, ...place, ...size });
}

function statusCommand(): Command {
  return new Command('status')
    .description('shows the tunnels of a running agent')
    .option('--status-socket <path>', 'where the agent serves its status')
    .option('--name <name>', 'name of the agent, if several run here')
    .option('--json', 'the whole report as JSON')
    .action(async ({ json, ...options }: StatusOptions & { json?: boolean }) => {
      const report = await agentStatus(options);
      process.stdout.write(json === true ? `${JSON.stringify(report)}\n` : `${formatReport(report)}\n`);
    });
}

function genkeyCommand(): Command {
  return new Command('genkey')
    .description('makes a key pair for a static file; the private half is secret')
    .action(() => {
      process.stdout.write(`${JSON.stringify(generateKeyPair())}\n`);
    });
}
