import type { FlowRecord } from '@longhaul/contracts';
import type { LiveFlow } from './live-frame.js';

/** A connection that nobody speaks of any more has ended unheard: agents speak of slow ones each ten seconds, and of a large fleet's a little later. */
const FORGET_AFTER_MS = 20_000;
/** Of one organization; the oldest give way. */
const MAX_FLOWS = 50_000;
/** Shorter intervals would make spikes of single packets. */
const MIN_INTERVAL_MS = 250;

/** How many connections a frame shows. */
export const TOP_FLOWS = 20;

interface Flow {
  shown: LiveFlow;
  /** By the agent's clock: up to here its bytes are counted. */
  countedUntilMs: number;
  heardAtMs: number;
}

/** The connections of one organization as their agents report them. */
export class LiveFlows {
  private readonly flows = new Map<string, Flow>();

  observe(agentId: string, record: FlowRecord, nowMs: number): void {
    const key = `${agentId}/${record.flowId}`;
    const before = this.flows.get(key);
    this.flows.delete(key);
    if (record.ended !== null) return;
    const sinceMs = before?.countedUntilMs ?? record.startedAtMs;
    this.flows.set(key, {
      shown: toLiveFlow(agentId, record, Math.max(record.atMs - sinceMs, MIN_INTERVAL_MS)),
      countedUntilMs: record.atMs,
      heardAtMs: nowMs,
    });
    if (this.flows.size > MAX_FLOWS) this.flows.delete(this.flows.keys().next().value ?? key);
  }

  /** The liveliest connections, liveliest first. */
  top(nowMs: number): LiveFlow[] {
    for (const [key, flow] of this.flows) {
      if (nowMs - flow.heardAtMs > FORGET_AFTER_MS) this.flows.delete(key);
    }
    const rate = ({ upMbps, downMbps }: LiveFlow): number => upMbps + downMbps;
    return [...this.flows.values()]
      .map(({ shown }) => shown)
      .sort((a, b) => rate(b) - rate(a))
      .slice(0, TOP_FLOWS);
  }
}

const toLiveFlow = (agentId: string, record: FlowRecord, intervalMs: number): LiveFlow => {
  const encoded = record.encodedBytesUp + record.encodedBytesDown;
  return {
    flowId: record.flowId,
    agentId,
    peerAgentId: record.peerAgentId,
    source: record.source,
    destination: record.destination,
    destinationPort: record.destinationPort,
    handling: record.handling,
    startedAtMs: record.startedAtMs,
    upMbps: (record.bytesUp * 8) / 1000 / intervalMs,
    downMbps: (record.bytesDown * 8) / 1000 / intervalMs,
    ratio: encoded > 0 ? (record.bytesUp + record.bytesDown) / encoded : null,
  };
};
