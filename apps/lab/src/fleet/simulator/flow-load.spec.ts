import { flowRecordSchema } from '@longhaul/contracts';
import { randomUUID } from 'node:crypto';
import { FlowLoad } from './flow-load.js';

const peerAgentId = randomUUID();
const begin = Date.UTC(2026, 0, 1);

const run = (connections: number, seconds: number, seed = 1) => {
  const load = new FlowLoad({ seed, connections, site: 300, peerSite: 2, peerAgentId });
  const records = Array.from({ length: seconds }, (_, i) => load.second(begin + i * 1000)).flat();
  return { load, records };
};

describe('the connections of a simulated agent', () => {
  it('give one record a second each, as the contract has them', () => {
    const { records } = run(7, 60);
    expect(records).toHaveLength(7 * 60);
    for (const record of records) expect(flowRecordSchema.parse(record)).toEqual(record);
  });

  it('end once, with their last record, and others take their place', () => {
    const { records } = run(3, 200);
    const lives = new Map<string, typeof records>();
    for (const record of records) lives.set(record.flowId, [...(lives.get(record.flowId) ?? []), record]);
    expect(lives.size).toBeGreaterThan(3);
    for (const life of lives.values()) {
      expect(life.slice(0, -1).every(({ ended }) => ended === null)).toBe(true);
      expect(life.every(({ startedAtMs, atMs }) => startedAtMs < atMs)).toBe(true);
    }
    const ended = [...lives.values()].filter((life) => life.at(-1)?.ended === 'closed');
    expect(lives.size - ended.length).toBeLessThanOrEqual(3);
  });

  it('are counted to the byte', () => {
    const { load, records } = run(5, 30);
    const bytes = records.reduce((sum, { bytesUp, bytesDown }) => sum + bytesUp + bytesDown, 0);
    expect(load.totals).toEqual({ records: records.length, bytes });
  });

  it('are the same for the same seed, but for their ids', () => {
    const moved = ({ records }: ReturnType<typeof run>) =>
      records.map(({ bytesUp, source }) => [bytesUp, source]);
    expect(moved(run(4, 20, 9))).toEqual(moved(run(4, 20, 9)));
    expect(moved(run(4, 20, 9))).not.toEqual(moved(run(4, 20, 8)));
  });
});
