import { EnrolledStateSource } from '@longhaul/agent';
import { loadIdentity, saveEnrollment } from '@longhaul/agent/enrollment';
import type { AppliedMessage } from '@longhaul/contracts';
import { join } from 'node:path';
import type {
  AgentCredentialMessage,
  AgentKeys,
  AgentOutcome,
  AgentSeat,
  AgentSurroundings,
} from './agent-messages.js';
import { FlowLoad, type FlowLoadOptions } from './flow-load.js';

const TUNNEL_PORT = 4810;
/** Nobody rotates the keys of a simulated agent: not looking for new ones saves thousands of file accesses a second. */
const TIMING = { keysLookMs: 24 * 3600 * 1000 };

/** Thousands of agents would say the same. */
const SILENT = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/**
 * An agent without a data plane: the control side of a real one (keys, credential, NATS connection, reconciler, telemetry
 * uplink), whose states are put in force nowhere and not written to disk, and whose connections are made up.
 */
export class LightAgent {
  private source: EnrolledStateSource | undefined;
  private load: FlowLoad | undefined;
  private applications = 0;
  private told: AppliedMessage | undefined;

  constructor(
    readonly seat: AgentSeat,
    private readonly surroundings: AgentSurroundings,
  ) {}

  private get stateDir(): string {
    return join(this.surroundings.stateDir, `agent-${String(this.seat.number)}`);
  }

  /** Makes the agent's own keys; the private halves stay in its state directory. */
  async makeKeys(): Promise<AgentKeys> {
    const { natsPublicKey, tunnelPublicKey } = await loadIdentity(this.stateDir);
    return { number: this.seat.number, natsPublicKey, tunnelPublicKey };
  }

  /** Begins to connect, and goes on for as long as it takes. */
  async start({ jwt, expiresAt }: AgentCredentialMessage): Promise<void> {
    const { organizationId, controllerUrl, natsUrls, caPem } = this.surroundings;
    const { agentId, siteId } = this.seat;
    await saveEnrollment(this.stateDir, {
      format: 1,
      controllerUrl,
      controllerCaPem: caPem,
      credential: {
        agentId,
        organizationId,
        siteId,
        state: 'approved',
        natsUrls: [...natsUrls],
        natsJwt: jwt,
        natsJwtExpiresAt: expiresAt,
        caPem,
      },
      tunnelPort: TUNNEL_PORT,
      obtainedAtMs: Date.now(),
    });
    this.source = await EnrolledStateSource.open({
      stateDir: this.stateDir,
      log: SILENT,
      timing: TIMING,
      store: { load: () => Promise.resolve(undefined), save: () => Promise.resolve() },
      intercepts: false,
    });
    await this.source.start(() => {
      this.applications += 1;
      return Promise.resolve();
    });
  }

  get connected(): boolean {
    return this.source?.connected ?? false;
  }

  /** What became of the newest desired state, if that was not asked for before. */
  takeOutcome(): AgentOutcome | undefined {
    const last = this.source?.status().lastOutcome;
    if (last === undefined || last === this.told) return undefined;
    this.told = last;
    const { policyRevision, generation, outcome, atMs } = last;
    const { applications } = this;
    return { number: this.seat.number, policyRevision, generation, outcome, atMs, applications };
  }

  beginLoad(options: FlowLoadOptions): FlowLoad {
    this.load = new FlowLoad(options);
    return this.load;
  }

  /** Has the agent report the second that ends at `atMs`. */
  reportSecond(atMs: number): void {
    if (this.load !== undefined) this.source?.telemetry.flows(this.load.second(atMs));
  }

  /** Has the agent send what it has gathered. */
  closeBatches(): void {
    this.source?.telemetry.closeBatches();
  }

  /** Batches that the stream has not acknowledged yet, and records or batches that the agent gave up. */
  get telemetry(): { readonly waiting: number; readonly dropped: number } {
    const {
      bufferedBatches = 0,
      droppedBatches = 0,
      droppedRecords = 0,
    } = this.source?.telemetry.statistics ?? {};
    return { waiting: bufferedBatches, dropped: droppedBatches + droppedRecords };
  }
}
