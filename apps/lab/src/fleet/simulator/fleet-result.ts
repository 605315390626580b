import { formatTable } from '../../runs/table.js';
import type { Percentiles } from './percentiles.js';
import type { Usage } from './plane-meter.js';

/** What a run of the fleet simulator found; `--json` prints it. Times are milliseconds, memory is MiB. */
export interface FleetResult {
  readonly agents: number;
  /** From the begin of the publish mutation until an agent has confirmed. */
  readonly policyDeliveryMs: Percentiles;
  readonly policy: {
    /** Until the mutation was answered. */
    readonly publishMs: number;
    /** Until the controller has stored so many confirmations. */
    readonly storedMs: Percentiles;
    readonly lost: number;
    readonly duplicated: number;
  };
  readonly telemetry: {
    readonly recordsPerSecond: number;
    readonly seconds: number;
    readonly acceptedSeconds: number;
    readonly storedSeconds: number;
    readonly records: number;
    readonly lost: number;
    readonly duplicated: number;
  };
  readonly dashboardQueryMs: Percentiles;
  readonly dashboard: {
    readonly days: number;
    readonly points: number;
    readonly resolutionSeconds: number;
  };
  /** Over the telemetry, until all of it is stored. */
  readonly controller: Usage;
  readonly postgres: Usage;
  readonly nats: Usage;
  /** Of the processes that hold the simulated agents. */
  readonly simulatedAgents: Usage;
  /** From the first agent that dials until all are connected. */
  readonly connectSeconds: number;
  /** Whether the controller was killed in the middle of each phase. */
  readonly killed: boolean;
}

/** The same for people. */
export function formatFleetResult(result: FleetResult): string {
  const { agents, policyDeliveryMs, policy, telemetry, dashboardQueryMs, dashboard } = result;
  const parts = (['controller', 'postgres', 'nats', 'simulatedAgents'] as const).map((name) => [
    name === 'simulatedAgents' ? 'the simulated agents' : name,
    result[name].cpuCores.toFixed(2),
    String(result[name].rssMb),
  ]);
  const counts = ({ lost, duplicated }: { lost: number; duplicated: number }): string[] => [
    String(lost),
    String(duplicated),
  ];
  return [
    `${String(agents)} agents${result.killed ? ', the controller killed in the middle of each phase' : ''}`,
    '',
    formatTable(
      ['milliseconds', 'half', '99 of 100'],
      [
        row('policy published > agent confirmed', policyDeliveryMs),
        row('policy published > confirmation stored', policy.storedMs),
        row(
          `fleet page, ${String(dashboard.days)} days by ${String(dashboard.resolutionSeconds)} s`,
          dashboardQueryMs,
        ),
      ],
      1,
    ),
    '',
    formatTable(
      ['', 'seconds', 'a second', 'lost', 'twice'],
      [
        ['policies', (policy.publishMs / 1000).toFixed(1), '', ...counts(policy)],
        [
          'flow records made, and stored',
          `${String(telemetry.seconds)}, ${String(telemetry.storedSeconds)}`,
          String(telemetry.recordsPerSecond),
          ...counts(telemetry),
        ],
      ],
      1,
    ),
    '',
    formatTable(['while records are stored', 'cores', 'MiB'], parts, 1),
  ].join('\n');
}

const row = (name: string, { p50, p99 }: Percentiles): string[] => [name, p50.toFixed(0), p99.toFixed(0)];
