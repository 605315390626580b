import type { FlowRecord } from '@longhaul/edge';
import { MAX_ACTIVE_FLOWS, type DataPlaneSnapshot } from './messages.js';
import { SnapshotMerger } from './snapshot-merger.js';

function flow(flowId: string, startedAtMs: number): FlowRecord {
  const address = { address: '192.0.2.1', port: 1 };
  return {
    flowId,
    role: 'initiator',
    peerId: 'peer',
    source: address,
    destination: address,
    ruleId: null,
    handling: 'accelerated',
    startedAtMs,
    endedAtMs: null,
    ended: null,
    reason: null,
    bytesUp: 0,
    bytesDown: 0,
    encodedBytesUp: 0,
    encodedBytesDown: 0,
  };
}

function snapshot(atMs: number, ended: string[] = [], active: FlowRecord[] = []): DataPlaneSnapshot {
  return {
    statistics: {
      atMs,
      tunnelPort: 4810,
      links: [],
      activeFlows: active.length,
      droppedFlowRecords: 1,
      udp: { packetsSent: 1, packetsReceived: 2, sendErrors: 3, misdirected: 4 },
    },
    endedFlows: ended.map((flowId) => flow(flowId, 0)),
    activeFlows: active,
  };
}

const endedOf = (told: readonly DataPlaneSnapshot[]): string[][] =>
  told.map(({ endedFlows }) => endedFlows.map(({ flowId }) => flowId));

let told: DataPlaneSnapshot[];
let merger: SnapshotMerger;

beforeEach(() => {
  told = [];
  merger = new SnapshotMerger(2, (merged) => told.push(merged));
});

it('tells the sum of what all workers have told', () => {
  merger.add(1, snapshot(2000, ['a'], [flow('young', 30), flow('younger', 40)]));
  expect(told).toEqual([]);
  merger.add(0, snapshot(1000, ['b'], [flow('old', 20)]));
  expect(told).toHaveLength(1);
  expect(told[0]?.statistics).toEqual({
    atMs: 2000,
    tunnelPort: 4810,
    links: [],
    activeFlows: 3,
    droppedFlowRecords: 2,
    udp: { packetsSent: 2, packetsReceived: 4, sendErrors: 6, misdirected: 8 },
  });
  expect(told[0]?.activeFlows.map(({ flowId }) => flowId)).toEqual(['old', 'young', 'younger']);
});

it('waits for no worker that is late, and tells each flow that ended once', () => {
  merger.add(0, snapshot(1, ['a']));
  merger.add(0, snapshot(2, ['b']));
  merger.add(0, snapshot(3, ['c']));
  merger.add(1, snapshot(4, ['d']));
  merger.add(1, snapshot(5, ['e']));
  merger.flush();
  merger.flush();
  expect(endedOf(told)).toEqual([['a'], ['b'], ['c', 'd'], ['e']]);
});

it('keeps the oldest of more live flows than are told', () => {
  const flows = (from: number): FlowRecord[] =>
    Array.from({ length: MAX_ACTIVE_FLOWS }, (_, index) => flow(`${from}`, from + index));
  merger.add(0, snapshot(1, [], flows(MAX_ACTIVE_FLOWS)));
  merger.add(1, snapshot(1, [], flows(0)));
  expect(new Set(told[0]?.activeFlows.map(({ flowId }) => flowId))).toEqual(new Set(['0']));
});
