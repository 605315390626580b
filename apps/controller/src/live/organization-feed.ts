import { Logger } from '@nestjs/common';
import type { Subscription } from '@nats-io/transport-node';
import { flowTelemetrySchema, linkTelemetrySchema, subjects } from '@longhaul/contracts';
import type { TenantDatabase } from '../database/tenant-database.js';
import type { AgentPresence } from '../nats/agent-presence.js';
import type { NatsService } from '../nats/nats.service.js';
import { parseTelemetrySubject } from '../telemetry/telemetry-message.js';
import { EMPTY_FLEET, readFleet, type FleetSnapshot } from './fleet-snapshot.js';
import { LiveFlows } from './live-flows.js';
import type { LiveFrame } from './live-frame.js';
import { LiveLinks } from './live-links.js';
import { SeenBatches } from './seen-batches.js';

const FRAME_INTERVAL_MS = 1_000;

export interface FeedSources {
  readonly nats: NatsService;
  readonly database: TenantDatabase;
  readonly presence: AgentPresence;
}

/**
 * One organization's live picture: heard from its agents over NATS, by every replica for itself, and told once a second.
 */
export class OrganizationFeed {
  private readonly logger = new Logger(OrganizationFeed.name);
  private readonly links = new LiveLinks();
  private readonly flows = new LiveFlows();
  private readonly seen = new SeenBatches();
  private fleet: FleetSnapshot = EMPTY_FLEET;
  private subscription: Subscription | undefined;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  /** @param deliver gets each frame as JSON; every viewer gets the same */
  constructor(
    private readonly organizationId: string,
    private readonly sources: FeedSources,
    private readonly deliver: (frame: string) => void,
  ) {}

  start(): void {
    void this.listen();
    void this.tick();
  }

  close(): void {
    this.closed = true;
    this.subscription?.unsubscribe();
    clearTimeout(this.timer);
  }

  /** Without NATS there is nothing to hear; frames go on all the same. */
  private async listen(): Promise<void> {
    const connection = await this.sources.nats.agents();
    if (this.closed) return;
    const subject = subjects.all.telemetry.replace('*', this.organizationId);
    this.subscription = connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) this.observe(message.subject, message.data);
      },
    });
  }

  private observe(subject: string, data: Uint8Array): void {
    const source = parseTelemetrySubject(subject);
    if (source === undefined) return;
    const { agentId, kind } = source;
    const body = parseJson(data);
    const nowMs = Date.now();
    if (kind === 'link') {
      const batch = linkTelemetrySchema.safeParse(body);
      if (!batch.success || !this.seen.isNew(subject, batch.data)) return;
      for (const link of batch.data.links) this.links.observe(agentId, link, nowMs, this.fleet.linkIdOf);
    } else {
      const batch = flowTelemetrySchema.safeParse(body);
      if (!batch.success || !this.seen.isNew(subject, batch.data)) return;
      for (const flow of batch.data.flows) this.flows.observe(agentId, flow, nowMs);
    }
  }

  private async tick(): Promise<void> {
    const dueMs = Date.now() + FRAME_INTERVAL_MS;
    await this.refreshFleet();
    if (this.closed) return;
    this.deliver(JSON.stringify(this.frame()));
    this.timer = setTimeout(() => void this.tick(), Math.max(0, dueMs - Date.now()));
  }

  private async refreshFleet(): Promise<void> {
    try {
      this.fleet = await readFleet(this.sources.database, this.organizationId);
    } catch (error) {
      // What was known is still the best that there is.
      this.logger.warn(`the fleet cannot be read: ${String(error)}`);
    }
  }

  private frame(): LiveFrame {
    const atMs = Date.now();
    const { presence } = this.sources;
    return {
      type: 'frame',
      atMs,
      agents: this.fleet.agents.map((agent) => ({
        ...agent,
        online: presence.isOnline(this.organizationId, agent.agentId),
      })),
      links: this.links.take(atMs, this.fleet.linkIdOf),
      flows: this.flows.top(atMs),
    };
  }
}

const parseJson = (data: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(data).toString('utf8'));
  } catch {
    return undefined;
  }
};
