import { freePort } from '@longhaul/embedded-services';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import pg from 'pg';
import { ControlPlane, controllerStateDir } from '../control-plane.js';
import { ControllerClient } from '../controller-client.js';
import { AgentPool } from './agent-pool.js';
import { timeDashboard } from './dashboard.js';
import { deliverPolicy } from './delivery.js';
import { insertFleet, issueCredentials, makeSeats, readOrganizationId } from './enrollment.js';
import type { FleetResult } from './fleet-result.js';
import { Interruption } from './interruption.js';
import { partsOf, PlaneMeter } from './plane-meter.js';
import { preloadRollups } from './preload.js';
import { ScratchFolder } from './scratch-folder.js';
import { loadTelemetry } from './telemetry-load.js';

/** Another address of loopback than the one for people, and than those of other labs. */
const MANAGEMENT_ADDRESS = '127.77.0.1';
/** Agents' state directories are written thousands at once, each durably: on one machine, memory has to stand for their disks. */
const MEMORY_FOLDER = '/dev/shm';
/** A policy for ten thousand agents is compiled before it is answered. */
const REQUEST_TIMEOUT_MS = 120_000;

/** What docs/deploy.md says of a database for thousands of agents. */
const POSTGRES_SETTINGS = {
  shared_buffers: '1GB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  work_mem: '32MB',
};

export interface FleetRunOptions {
  readonly agents: number;
  /** How long flow records are made, and how many a second by the whole fleet. */
  readonly telemetrySeconds: number;
  readonly flowRate: number;
  /** Days of rollups that are there before anything is measured. */
  readonly days: number;
  readonly dashboardRuns: number;
  /** Kills the controller with SIGKILL in the middle of each phase, and starts it again. */
  readonly kill: boolean;
  /** Folder into which each process of the controller writes a CPU profile when it ends by itself. */
  readonly profileDir?: string | undefined;
  readonly progress: (text: string) => void;
}

/** Runs a whole fleet on this machine, and leaves nothing behind. Rejects when it is interrupted by a signal. */
export async function simulateFleet(options: FleetRunOptions): Promise<FleetResult> {
  const interruption = new Interruption();
  const stateFolder = new ScratchFolder(tmpdir());
  const agentsFolder = new ScratchFolder(existsSync(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir());
  const seats = makeSeats(options.agents);
  const ended = new AbortController();
  let plane: ControlPlane | undefined;
  let pool: AgentPool | undefined;
  try {
    const metricsListen = `127.0.0.1:${String(await freePort())}`;
    plane = await ControlPlane.start({
      stateDir: stateFolder.path,
      managementAddress: MANAGEMENT_ADDRESS,
      controllerNiceness: 0,
      controllerSettings: {
        LONGHAUL_METRICS_LISTEN: metricsListen,
        LONGHAUL_LOG_LEVEL: 'warn',
      },
      controllerNodeArguments:
        options.profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profileDir}`],
      postgresSettings: POSTGRES_SETTINGS,
      progress: options.progress,
    });
    pool = new AgentPool(seats);
    const run = new FleetRun(options, plane, pool, seats, {
      metricsUrl: `http://${metricsListen}/metrics`,
      controllerStateDir: controllerStateDir(stateFolder.path),
      agentsDir: agentsFolder.path,
      signal: ended.signal,
    });
    return await interruption.orEnd(run.run());
  } finally {
    options.progress('stopping');
    ended.abort();
    await pool?.stop();
    await plane?.stop();
    stateFolder.remove();
    agentsFolder.remove();
    interruption.dispose();
  }
}

interface Surroundings {
  readonly metricsUrl: string;
  readonly controllerStateDir: string;
  readonly agentsDir: string;
  /** Aborted when the run ends, however that comes. */
  readonly signal: AbortSignal;
}

/** The phases, one after the other. */
class FleetRun {
  private readonly api: ControllerClient;
  private readonly database: pg.Client;

  constructor(
    private readonly options: FleetRunOptions,
    private readonly plane: ControlPlane,
    private readonly pool: AgentPool,
    private readonly seats: ReturnType<typeof makeSeats>,
    private readonly surroundings: Surroundings,
  ) {
    this.api = new ControllerClient(plane.url, plane.caPem, REQUEST_TIMEOUT_MS);
    this.database = new pg.Client({ connectionString: plane.postgres?.superuserUrl });
    // Of an interrupted run, whose database goes away.
    this.database.on('error', () => undefined);
  }

  async run(): Promise<FleetResult> {
    const { agents, kill, progress } = this.options;
    await this.database.connect();
    await this.api.signIn(this.plane.admin.email, this.plane.admin.password);
    const connectSeconds = await this.enrollAndConnect();
    const { policy, policyDeliveryMs } = await this.deliver();
    progress('preload');
    await preloadRollups(this.database, this.options.days, progress);
    const { telemetry, usage } = await this.telemetry();
    progress('fleet page');
    const { queryMs, ...dashboard } = await timeDashboard({
      api: this.api,
      days: this.options.days,
      runs: this.options.dashboardRuns,
      inTheMiddle: this.killed,
    });
    await this.database.end();
    const { agents: simulatedAgents, ...parts } = usage;
    return {
      agents,
      policyDeliveryMs,
      telemetry,
      dashboardQueryMs: queryMs,
      ...parts,
      simulatedAgents,
      policy,
      dashboard: { days: this.options.days, ...dashboard },
      connectSeconds,
      killed: kill,
    };
  }

  /** @returns seconds until all agents were connected */
  private async enrollAndConnect(): Promise<number> {
    const { pool, plane, seats, surroundings, database } = this;
    const { progress } = this.options;
    progress("agents' keys");
    const organizationId = await readOrganizationId(database);
    const keys = await pool.makeKeys({
      stateDir: surroundings.agentsDir,
      organizationId,
      controllerUrl: plane.agentUrl,
      natsUrls: [plane.nats?.url ?? ''],
      caPem: plane.caPem,
    });
    progress('sites, agents and credentials');
    await insertFleet(database, seats, keys);
    const credentials = await issueCredentials(surroundings.controllerStateDir, organizationId, seats, keys);
    const beganAt = performance.now();
    await pool.connect(credentials, (connected) => {
      progress(`${String(connected)} of ${String(seats.length)} agents connected`);
    });
    const seconds = Math.round((performance.now() - beganAt) / 100) / 10;
    progress(`all agents connected after ${String(seconds)} s`);
    return seconds;
  }

  /** The first policy makes links, keys and states; the second one is measured. */
  private async deliver() {
    const { api, database, pool } = this;
    const { agents, progress } = this.options;
    const common = { api, database, pool, agents };
    progress('first policy');
    const first = await deliverPolicy({ ...common, ports: [6600], expectedRevision: null });
    progress('second policy');
    const { confirmedMs, publishMs, storedMs, lost, duplicated } = await deliverPolicy({
      ...common,
      ports: [6600, 445],
      expectedRevision: first.revision,
      inTheMiddle: this.killed,
    });
    progress(
      `published in ${String(publishMs)} ms; confirmed: half ${String(confirmedMs.p50)} ms, 99 of 100 ${String(confirmedMs.p99)} ms; lost ${String(lost)}, twice ${String(duplicated)}`,
    );
    return { policyDeliveryMs: confirmedMs, policy: { publishMs, storedMs, lost, duplicated } };
  }

  private async telemetry() {
    const { pool, plane, seats, surroundings, database } = this;
    const { telemetrySeconds, flowRate, progress } = this.options;
    const meter = new PlaneMeter(partsOf(plane, pool.pids));
    try {
      const telemetry = await loadTelemetry({
        pool,
        seats,
        database,
        metricsUrl: surroundings.metricsUrl,
        seconds: telemetrySeconds,
        rate: flowRate,
        inTheMiddle: this.killed,
        signal: surroundings.signal,
        progress,
      });
      const usage = meter.end();
      progress(
        `stored ${String(telemetry.recordsPerSecond)} records/s; lost ${String(telemetry.lost)}, twice ${String(telemetry.duplicated)}; controller ${String(usage.controller.cpuCores)} cores`,
      );
      return { telemetry, usage };
    } finally {
      meter.end();
    }
  }

  private get killed(): (() => Promise<void>) | undefined {
    if (!this.options.kill) return undefined;
    return async () => {
      this.options.progress('the controller is killed, and started again');
      await this.plane.killController();
      await this.plane.restartController();
    };
  }
}
