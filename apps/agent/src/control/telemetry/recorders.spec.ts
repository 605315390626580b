import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { flowRecordSchema, linkRecordSchema } from '@longhaul/contracts';
import type { DataPlaneStatistics, FlowRecord as FlowTotals, LinkStatistics } from '@longhaul/edge';
import { FLOWS_PER_INTERVAL } from '../params.js';
import { FlowRecorder } from './flow-recorder.js';
import { LinkRecorder } from './link-recorder.js';

const peerId = randomUUID();
type Tunnel = LinkStatistics['tunnel'];

function statistics(atMs: number, sent: number, tunnel: Partial<Tunnel> = {}): DataPlaneStatistics {
  return {
    atMs,
    tunnelPort: 4810,
    activeFlows: 0,
    droppedFlowRecords: 0,
    udp: { packetsSent: 0, packetsReceived: 0, sendErrors: 0, misdirected: 0 },
    links: [
      {
        peerId,
        bytes: { sent, received: 0, encodedSent: sent, encodedReceived: 0 },
        tunnel: {
          state: 'up',
          congestionState: 'startup',
          wireBytesSent: 0,
          wireBytesReceived: 0,
          packetsSent: 0,
          packetsLost: 0,
          packetsRetransmitted: 0,
          packetsSpurious: 0,
          repairPacketsSent: 0,
          repairBytesSent: 0,
          packetsRecovered: 0,
          pathLoss: 0,
          minRttUs: 10_500,
          smoothedRttUs: null,
          queueDelayUs: null,
          pacingBytesPerSecond: 1e6,
          bandwidthBytesPerSecond: 0,
          congestionWindow: 0,
          bytesInFlight: 0,
          mtu: 1472,
          openStreams: 1,
          ...tunnel,
        },
      },
    ],
  };
}

describe('link records', () => {
  it('are of the interval, once a second, in the units of the contract', () => {
    const recorder = new LinkRecorder();
    expect(recorder.record(statistics(10_000, 500))).toEqual([]);
    expect(recorder.record(statistics(10_500, 700))).toEqual([]);
    const [record] = recorder.record(statistics(11_000, 900));
    expect(linkRecordSchema.parse(record)).toMatchObject({
      peerAgentId: peerId,
      intervalMs: 1000,
      bytesSent: 400,
      minRttMs: 10.5,
      smoothedRttMs: null,
      pacingMbps: 8,
    });
    expect(recorder.record(statistics(12_000, 900))).toMatchObject([{ bytesSent: 0 }]);
  });

  it('are of a longer interval when that is asked for', () => {
    const recorder = new LinkRecorder();
    recorder.intervalMs = 10_000;
    recorder.record(statistics(10_000, 100));
    expect(recorder.record(statistics(12_000, 900))).toEqual([]);
    expect(recorder.record(statistics(20_000, 900))).toMatchObject([{ intervalMs: 10_000, bytesSent: 800 }]);
  });

  it('never go below nought when a tunnel was made anew and its counters began again', () => {
    const recorder = new LinkRecorder();
    recorder.record(statistics(10_000, 0, { packetsSent: 1000 }));
    expect(recorder.record(statistics(11_000, 0, { packetsSent: 30 }))).toMatchObject([{ packetsSent: 30 }]);
  });

  it('go on after the clock was set back', () => {
    const recorder = new LinkRecorder();
    recorder.record(statistics(10_000, 0));
    expect(recorder.record(statistics(5_000, 100))).toEqual([]);
    expect(recorder.record(statistics(6_000, 150))).toMatchObject([{ bytesSent: 50, intervalMs: 1000 }]);
  });
});

describe('flow records', () => {
  const flow = (flowId: string, bytesUp: number, over: Partial<FlowTotals> = {}): FlowTotals => ({
    flowId,
    role: 'initiator',
    peerId,
    source: { address: '192.0.2.1', port: 40_000 },
    destination: { address: '192.0.2.2', port: 22 },
    ruleId: 'r1',
    handling: 'accelerated',
    startedAtMs: 9_000,
    endedAtMs: null,
    ended: null,
    reason: null,
    bytesUp,
    bytesDown: 0,
    encodedBytesUp: bytesUp,
    encodedBytesDown: 0,
    ...over,
  });
  const snapshot = (atMs: number, activeFlows: FlowTotals[], endedFlows: FlowTotals[] = []) => ({
    statistics: { ...statistics(atMs, 0), activeFlows: activeFlows.length },
    activeFlows,
    endedFlows,
  });
  const ended = { ended: 'closed', endedAtMs: 99_000 } as const;

  it('add up to what the flow moved, however often it was looked at', () => {
    const recorder = new FlowRecorder();
    const id = randomUUID();
    const records = [
      ...recorder.record(snapshot(10_000, [flow(id, 0)])),
      ...recorder.record(snapshot(10_500, [flow(id, 300)])),
      ...recorder.record(snapshot(11_000, [flow(id, 700)])),
      ...recorder.record(snapshot(12_000, [flow(id, 700)])),
      ...recorder.record(snapshot(12_200, [], [flow(id, 1000, ended)])),
    ].map((record) => flowRecordSchema.parse(record));
    expect(records.map(({ bytesUp }) => bytesUp)).toEqual([0, 700, 0, 300]);
    // At work while something moved, since the record before.
    expect(records.map(({ activeMs }) => activeMs)).toEqual([0, 1000, 0, 87_000]);
    expect(records.at(-1)).toMatchObject({ ended: 'closed', atMs: 99_000, destinationPort: 22 });
  });

  it('are made at the side where the connection began, so that it is counted once', () => {
    const far = flow(randomUUID(), 100, { role: 'responder' });
    expect(new FlowRecorder().record(snapshot(10_000, [far], [{ ...far, ...ended }]))).toEqual([]);
  });

  it('are bounded a second, the busiest first, and none is forgotten', () => {
    const recorder = new FlowRecorder();
    const ids = Array.from({ length: 200 }, () => randomUUID());
    const flows = (factor: number) => ids.map((id, index) => flow(id, factor * (index + 1)));
    expect(recorder.record(snapshot(10_000, flows(0)))).toHaveLength(200);
    const sums = new Map<string, number>(ids.map((id) => [id, 0]));
    const take = (records: ReturnType<FlowRecorder['record']>) => {
      for (const { flowId, bytesUp } of records) sums.set(flowId, (sums.get(flowId) ?? 0) + bytesUp);
    };
    for (let second = 1; second <= 9; second++) {
      const records = recorder.record(snapshot(10_000 + 1000 * second, flows(second)));
      expect(records.map(({ flowId }) => flowId)).toEqual(ids.slice(-FLOWS_PER_INTERVAL).reverse());
      take(records);
    }
    const all = recorder.record(snapshot(20_000, flows(10)));
    expect(all).toHaveLength(200);
    take(all);
    take(
      recorder.record(
        snapshot(
          20_100,
          [],
          flows(12).map((each) => ({ ...each, ...ended })),
        ),
      ),
    );
    expect([...sums.values()]).toEqual(ids.map((_, index) => 12 * (index + 1)));
  });

  it('say once that a flow fell silent, and nothing while it stays so', () => {
    const recorder = new FlowRecorder();
    const id = randomUUID();
    const look = (atMs: number, bytesUp: number) =>
      recorder.record(snapshot(atMs, [flow(id, bytesUp)])).map((record) => record.bytesUp);
    expect([look(10_000, 5), look(11_000, 5), look(12_000, 5), look(40_000, 5), look(41_000, 6)]).toEqual([
      [5],
      [0],
      [],
      [],
      [1],
    ]);
  });

  it('of a flow that ends between two looks is one record', () => {
    const records = new FlowRecorder().record(snapshot(10_000, [], [flow(randomUUID(), 5, ended)]));
    expect(records).toMatchObject([{ bytesUp: 5, ended: 'closed' }]);
  });
});
