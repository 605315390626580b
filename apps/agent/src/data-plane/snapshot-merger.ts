import type { DataPlaneStatistics, FlowRecord } from '@longhaul/edge';
import { MAX_ACTIVE_FLOWS, type DataPlaneSnapshot } from './messages.js';

/**
 * Makes one snapshot of those of all workers: as soon as each has told one, or one has told its next while another is late,
 * whose last one then stands for it. No flow that has ended is told twice or lost.
 */
export class SnapshotMerger {
  private readonly latest: (DataPlaneSnapshot | undefined)[];
  private readonly fresh = new Set<number>();
  private ended: FlowRecord[] = [];

  constructor(
    count: number,
    private readonly tell: (snapshot: DataPlaneSnapshot) => void,
  ) {
    this.latest = new Array<DataPlaneSnapshot | undefined>(count).fill(undefined);
  }

  add(worker: number, snapshot: DataPlaneSnapshot): void {
    if (this.fresh.has(worker)) this.flush();
    this.latest[worker] = snapshot;
    this.fresh.add(worker);
    this.ended.push(...snapshot.endedFlows);
    if (this.fresh.size === this.latest.length) this.flush();
  }

  /** Tells what was not told yet. */
  flush(): void {
    if (this.fresh.size === 0) return;
    const endedFlows = this.ended;
    this.ended = [];
    this.fresh.clear();
    const snapshots = this.latest.filter((snapshot) => snapshot !== undefined);
    const activeFlows = snapshots
      .flatMap((snapshot) => snapshot.activeFlows)
      .sort((a, b) => a.startedAtMs - b.startedAtMs)
      .slice(0, MAX_ACTIVE_FLOWS);
    const statistics = mergeStatistics(snapshots.map((snapshot) => snapshot.statistics));
    this.tell({ statistics, endedFlows, activeFlows });
  }
}

/** Of at least one worker. */
function mergeStatistics(all: readonly DataPlaneStatistics[]): DataPlaneStatistics {
  const sum = (value: (statistics: DataPlaneStatistics) => number): number =>
    all.reduce((total, statistics) => total + value(statistics), 0);
  return {
    atMs: Math.max(...all.map(({ atMs }) => atMs)),
    tunnelPort: Math.max(...all.map(({ tunnelPort }) => tunnelPort)),
    links: all.flatMap(({ links }) => links),
    activeFlows: sum(({ activeFlows }) => activeFlows),
    droppedFlowRecords: sum(({ droppedFlowRecords }) => droppedFlowRecords),
    udp: {
      packetsSent: sum(({ udp }) => udp.packetsSent),
      packetsReceived: sum(({ udp }) => udp.packetsReceived),
      sendErrors: sum(({ udp }) => udp.sendErrors),
      misdirected: sum(({ udp }) => udp.misdirected),
    },
  };
}
