import { Command } from 'commander';
import { resolve } from 'node:path';
import { numberWithin } from '../../commands/options.js';
import { formatFleetResult } from './fleet-result.js';
import { simulateFleet } from './simulate-fleet.js';

/** How often a line that changes all the time is written anew, in milliseconds. */
const PROGRESS_INTERVAL_MS = 1000;

interface FleetArguments {
  agents: number;
  telemetrySeconds: number;
  flowRate: number;
  days: number;
  dashboardRuns: number;
  kill?: boolean;
  controllerProfile?: string;
  json?: boolean;
}

/** `lab fleet` */
export function fleetCommand(): Command {
  return new Command('fleet')
    .description(
      'a fleet of simulated agents on this machine: how long a policy takes to all of them, how much telemetry is stored, how fast the fleet page is',
    )
    .option(
      '--agents <n>',
      'agents, each at a site of its own, up to 500 around each hub',
      numberWithin(2, 20_000, true),
      100,
    )
    .option(
      '--telemetry-seconds <n>',
      'how long the agents report connections',
      numberWithin(1, 3600, true),
      300,
    )
    .option(
      '--flow-rate <n>',
      'flow records a second of the whole fleet',
      numberWithin(1, 1_000_000, true),
      20_000,
    )
    .option('--days <n>', "days of the fleet's rollups that are there before", numberWithin(1, 31, true), 30)
    .option('--dashboard-runs <n>', "requests of the fleet page's query", numberWithin(1, 10_000, true), 100)
    .option('--kill', 'kill the controller with SIGKILL in the middle of each phase, and start it again')
    .option('--controller-profile <folder>', 'where the controller leaves a CPU profile at its end')
    .option('--json', 'one JSON document on standard output')
    .addHelpText(
      'after',
      `
A real PostgreSQL, nats-server and controller, and for each agent the control side of a real one: keys, credential, its own NATS
connection over TLS, desired states that it confirms, telemetry through JetStream. What is not real: sites and agents are made by
SQL and their credentials by the controller's own code, not over the API of enrolment; agents have no data plane, so
connections are made up and none is intercepted; their state directories are in memory.

Exits with 1 if anything was lost, or stored twice.`,
    )
    .action(runFleet);
}

async function runFleet(given: FleetArguments): Promise<void> {
  const { kill = false, json = false, controllerProfile, ...rest } = given;
  const profileDir = controllerProfile === undefined ? undefined : resolve(controllerProfile);
  const result = await simulateFleet({ ...rest, kill, profileDir, progress: sparing(process.stderr) });
  process.stdout.write(`${json ? JSON.stringify(result) : formatFleetResult(result)}\n`);
  const { policy, telemetry } = result;
  const wrong = policy.lost + policy.duplicated + telemetry.lost + telemetry.duplicated;
  if (wrong > 0) process.exitCode = 1;
}

/** Lines about one thing, which differ in numbers only, are written once a second. */
function sparing(stream: NodeJS.WritableStream): (text: string) => void {
  let last = { about: '', atMs: 0 };
  return (text) => {
    const about = text.replaceAll(/[0-9.]+/g, '');
    const atMs = Date.now();
    if (about === last.about && atMs - last.atMs < PROGRESS_INTERVAL_MS) return;
    last = { about, atMs };
    stream.write(`${text}\n`);
  };
}
