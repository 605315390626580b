import type { AgentPresence } from '../nats/agent-presence.js';
import type { NatsService } from '../nats/nats.service.js';
import { ALL_CHANGES, parseChange } from './change-messages.js';
import type { Change, ChangeFeed } from './change.js';

/** Hears over NATS what any replica has changed, and from nats-server itself which agents come and go. */
export class NatsChangeFeed implements ChangeFeed {
  private readonly listeners = new Map<string, Set<(change: Change) => void>>();
  private readonly stops: (() => void)[] = [];
  private heard = false;

  constructor(
    private readonly nats: NatsService,
    private readonly presence: AgentPresence,
  ) {}

  start(): void {
    this.stops.push(
      this.presence.onChange(({ organizationId, agentId }) => {
        this.tell(organizationId, { kind: 'agent', ids: [agentId] });
      }),
      this.nats.onUp(async () => {
        await this.hear();
        // While NATS was away, nobody could say that a session ended.
        for (const organizationId of this.listeners.keys()) {
          this.tell(organizationId, { kind: 'access', ids: [] });
        }
      }),
    );
  }

  stop(): void {
    for (const stop of this.stops.splice(0)) stop();
    this.listeners.clear();
  }

  listen(organizationId: string, listener: (change: Change) => void): () => void {
    const own = this.listeners.get(organizationId) ?? new Set();
    this.listeners.set(organizationId, own.add(listener));
    return () => {
      own.delete(listener);
      if (own.size === 0 && this.listeners.get(organizationId) === own) this.listeners.delete(organizationId);
    };
  }

  /** The connection keeps the subscription when it is made anew. */
  private async hear(): Promise<void> {
    if (this.heard) return;
    this.heard = true;
    const connection = await this.nats.agents();
    const subscription = connection.subscribe(ALL_CHANGES, {
      callback: (error, { subject, data }) => {
        const heard = error === null ? parseChange(subject, data) : undefined;
        if (heard !== undefined) this.tell(heard.organizationId, heard.change);
      },
    });
    this.stops.push(() => {
      subscription.unsubscribe();
    });
  }

  private tell(organizationId: string, change: Change): void {
    for (const listener of [...(this.listeners.get(organizationId) ?? [])]) listener(change);
  }
}
