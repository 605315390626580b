import { parseBacklog, spread } from './telemetry-load.js';

describe('a rate', () => {
  it('is spread over agents without a rest', () => {
    expect(spread(10, 4)).toEqual([3, 3, 2, 2]);
    expect(spread(3, 5)).toEqual([1, 1, 1, 0, 0]);
    expect(spread(20_000, 10_000).every((each) => each === 2)).toBe(true);
  });
});

describe("the controller's backlog", () => {
  it('is what waits and what is being stored', () => {
    const text = [
      '# TYPE longhaul_telemetry_stream_messages gauge',
      'longhaul_telemetry_stream_messages{state="pending"} 1200',
      'longhaul_telemetry_stream_messages{state="unacknowledged"} 34',
      'longhaul_outbox_rows 5',
    ].join('\n');
    expect(parseBacklog(text)).toBe(1234);
  });

  it('is unknown, and not nothing, while NATS is away', () => {
    expect(parseBacklog('longhaul_nats_up 0\n')).toBeUndefined();
  });
});
