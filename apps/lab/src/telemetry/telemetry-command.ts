import { Command } from 'commander';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { numberWithin } from '../commands/options.js';
import { ControlPlane } from '../fleet/control-plane.js';
import { ControllerClient } from '../fleet/controller-client.js';
import { preloadRollups } from './preload.js';

/** What the fleet page asks: total rate, time saved, the worst ten links. */
const FLEET_QUERY = `query ($from: DateTime!) {
  telemetry(from: $from) {
    resolutionSeconds
    points { at sentMbps wireSentMbps rttMs lossPct timeSavedSeconds }
    total { sentMbps timeSavedSeconds bytesSaved }
  }
  worstLinks(from: $from, first: 10) { link { id siteA { name } siteB { name } } lossPct rttMs }
}`;

const answerSchema = z.object({
  telemetry: z.object({ resolutionSeconds: z.number(), points: z.array(z.unknown()) }),
  worstLinks: z.array(z.unknown()),
});

/** Another address of loopback than the one for people, and than those of other labs. */
const MANAGEMENT_ADDRESS = '127.77.0.1';

interface TelemetryArguments {
  agents: number;
  days: number;
  runs: number;
  json?: boolean;
}

interface Measured {
  readonly agents: number;
  readonly days: number;
  readonly resolutionSeconds: number;
  readonly points: number;
  readonly worstLinks: number;
  /** Of each request, HTTPS included, in milliseconds, in their order. */
  readonly milliseconds: readonly number[];
}

/** `lab telemetry` */
export function telemetryCommand(): Command {
  return new Command('telemetry')
    .description("preloads the rollups of a large fleet and times the fleet page's query over all of them")
    .option('--agents <n>', 'agents, each with a link to the first', numberWithin(2, 100_000, true), 10_000)
    .option('--days <n>', 'days of telemetry up to now', numberWithin(1, 31, true), 30)
    .option('--runs <n>', 'requests', numberWithin(1, 1000, true), 20)
    .option('--json', 'one JSON document on standard output')
    .action(measureFleetQuery);
}

async function measureFleetQuery({ agents, days, runs, json }: TelemetryArguments): Promise<void> {
  const stateDir = mkdtempSync(join(tmpdir(), 'longhaul-lab-telemetry-'));
  chmodSync(stateDir, 0o755);
  try {
    const plane = await ControlPlane.start({ stateDir, managementAddress: MANAGEMENT_ADDRESS });
    try {
      const { superuserUrl } = plane.postgres ?? {};
      if (superuserUrl === undefined) throw new Error('there is no PostgreSQL of the lab');
      await preloadRollups(superuserUrl, { agents, days }, (text) => {
        process.stderr.write(`${text}\n`);
      });
      const measured = { agents, days, ...(await timeQuery(plane, { days, runs })) };
      process.stdout.write(`${json ? JSON.stringify(measured) : format(measured)}\n`);
    } finally {
      await plane.stop();
    }
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
}

async function timeQuery(
  plane: ControlPlane,
  { days, runs }: { days: number; runs: number },
): Promise<Omit<Measured, 'agents' | 'days'>> {
  const client = new ControllerClient(plane.url, plane.caPem);
  await client.signIn(plane.admin.email, plane.admin.password);
  const milliseconds: number[] = [];
  let last: z.output<typeof answerSchema> | undefined;
  for (let run = 0; run < runs; run += 1) {
    const from = new Date(Date.now() - days * 86_400_000).toISOString();
    const before = performance.now();
    last = await client.query(FLEET_QUERY, { from }, answerSchema);
    milliseconds.push(performance.now() - before);
  }
  return {
    resolutionSeconds: last?.telemetry.resolutionSeconds ?? 0,
    points: last?.telemetry.points.length ?? 0,
    worstLinks: last?.worstLinks.length ?? 0,
    milliseconds,
  };
}

function format({ agents, days, resolutionSeconds, points, worstLinks, milliseconds }: Measured): string {
  const sorted = [...milliseconds].sort((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(0);
  return [
    `${String(agents)} agents, ${String(days)} days: ${String(points)} points of ${String(resolutionSeconds)} s, ${String(worstLinks)} worst links`,
    `${String(milliseconds.length)} requests: first ${(milliseconds[0] ?? 0).toFixed(0)} ms, median ${at(0.5)} ms, 95 of 100 ${at(0.95)} ms, longest ${at(1)} ms`,
  ].join('\n');
}
