import type { FlowRecord } from '@longhaul/contracts';
import type { FlowRecord as FlowTotals } from '@longhaul/edge';
import { MAX_ACTIVE_FLOWS, type DataPlaneSnapshot } from '../../data-plane/messages.js';
import { FLOW_LULL_MS, FLOWS_PER_INTERVAL, REPORT_INTERVAL_MS } from '../params.js';

type Counters = Pick<FlowTotals, 'bytesUp' | 'bytesDown' | 'encodedBytesUp' | 'encodedBytesDown'>;

interface Reported {
  readonly counters: Counters;
  readonly atMs: number;
  /** The last record said that nothing moved. */
  readonly quiet: boolean;
}

const NOTHING: Counters = { bytesUp: 0, bytesDown: 0, encodedBytesUp: 0, encodedBytesDown: 0 };

/** Characters of a reason that the contract takes. */
const MAX_REASON = 500;

const since = (now: Counters, before: Counters): Counters => ({
  bytesUp: now.bytesUp - before.bytesUp,
  bytesDown: now.bytesDown - before.bytesDown,
  encodedBytesUp: now.encodedBytesUp - before.encodedBytesUp,
  encodedBytesDown: now.encodedBytesDown - before.encodedBytesDown,
});

const volume = ({ bytesUp, bytesDown }: Counters): number => bytesUp + bytesDown;

/**
 * Makes records of what each connection moved since its last record. A connection is recorded by the agent at whose
 * side it began, so that it is counted once. Every end is recorded; of those that live, the busiest each interval and
 * the others less often.
 */
export class FlowRecorder {
  intervalMs = REPORT_INTERVAL_MS;
  private readonly reported = new Map<string, Reported>();
  private lastLookMs = -Infinity;

  /** The records that are due. */
  record({ statistics, endedFlows, activeFlows }: DataPlaneSnapshot): FlowRecord[] {
    const { atMs } = statistics;
    const records = endedFlows.filter(beganHere).map((flow) => this.end(flow));
    if (Math.abs(atMs - this.lastLookMs) < this.intervalMs - SLACK_MS) return records;
    this.lastLookMs = atMs;
    for (const flow of this.due(activeFlows.filter(beganHere), atMs)) records.push(this.report(flow, atMs));
    if (activeFlows.length < MAX_ACTIVE_FLOWS) this.forgetAllBut(activeFlows);
    return records;
  }

  /**
   * Those without a record, those that fell silent, the fastest, and those that moved something since a record long ago.
   */
  private due(flows: readonly FlowTotals[], atMs: number): FlowTotals[] {
    const fresh: FlowTotals[] = [];
    const moving: { flow: FlowTotals; rate: number; sinceMs: number }[] = [];
    for (const flow of flows) {
      const before = this.reported.get(flow.flowId);
      const moved = before === undefined ? 0 : volume(since(flow, before.counters));
      if (before === undefined || (moved === 0 && !before.quiet)) fresh.push(flow);
      else if (moved > 0) {
        const sinceMs = Math.max(1, Math.abs(atMs - before.atMs));
        moving.push({ flow, rate: moved / sinceMs, sinceMs });
      }
    }
    moving.sort((a, b) => b.rate - a.rate);
    const due = moving.filter(({ sinceMs }, rank) => rank < FLOWS_PER_INTERVAL || sinceMs >= FLOW_LULL_MS);
    return [...fresh, ...due.map(({ flow }) => flow)];
  }

  private report(flow: FlowTotals, atMs: number): FlowRecord {
    const record = toRecord(flow, this.reported.get(flow.flowId), atMs);
    const { bytesUp, bytesDown, encodedBytesUp, encodedBytesDown } = flow;
    const counters = { bytesUp, bytesDown, encodedBytesUp, encodedBytesDown };
    this.reported.set(flow.flowId, { counters, atMs, quiet: volume(record) === 0 });
    return record;
  }

  private end(flow: FlowTotals): FlowRecord {
    const before = this.reported.get(flow.flowId);
    this.reported.delete(flow.flowId);
    return toRecord(flow, before, flow.endedAtMs ?? Date.now());
  }

  /** A flow whose end was never told would stay for ever. */
  private forgetAllBut(flows: readonly FlowTotals[]): void {
    const living = new Set(flows.map(({ flowId }) => flowId));
    for (const flowId of this.reported.keys()) if (!living.has(flowId)) this.reported.delete(flowId);
  }
}

/** Snapshots come by a timer and so a little early or late. */
const SLACK_MS = 100;

const beganHere = ({ role }: FlowTotals): boolean => role === 'initiator';

function toRecord(flow: FlowTotals, before: Reported | undefined, atMs: number): FlowRecord {
  const { flowId, peerId, startedAtMs, source, destination, ruleId, handling, ended, reason } = flow;
  const moved = since(flow, before?.counters ?? NOTHING);
  return {
    flowId,
    peerAgentId: peerId,
    atMs,
    startedAtMs,
    source: source.address,
    destination: destination.address,
    destinationPort: destination.port,
    ruleId,
    handling,
    ended,
    reason: reason?.slice(0, MAX_REASON) ?? null,
    ...moved,
    activeMs: volume(moved) > 0 ? Math.max(0, atMs - (before?.atMs ?? startedAtMs)) : 0,
  };
}
