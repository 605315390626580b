import { findLink, loadLinks } from '@longhaul/wan-emulator';
import { refuseVoidRun, retryVoid, type RunToJudge, VoidRunError } from './void-run.js';

const link = findLink(loadLinks().links, 'baseline');
const idle = {
  offeredPackets: 0,
  offeredBytes: 0,
  wirePackets: 0,
  wireBytes: 0,
  deliveredPackets: 0,
  deliveredBytes: 0,
  tailDrops: 0,
  tailDropBytes: 0,
  randomLosses: 0,
  duplicates: 0,
  outageDrops: 0,
  writes: 0,
  writeErrors: 0,
  queueBytes: 0,
  queueMaxBytes: 0,
  queueMeanBytes: 0,
  queueStandingBytes: 0,
  latenessP50Us: 0,
  latenessP99Us: 0,
  latenessMaxUs: 0,
};

function run(bytes: number, wireBytes: number, mayShrink = false): RunToJudge {
  const statistics = { aToB: { ...idle, wireBytes }, bToA: idle };
  return { link, statistics, elapsedSeconds: 10.1, bytes, seconds: 10, mayShrink };
}

describe('a run', () => {
  it('is good up to the limit of its link', () => {
    expect(() => refuseVoidRun(run(1_206_000_000, 1_250_000_000))).not.toThrow();
  });

  it('is void if the sink had more than the link can carry without its headers', () => {
    expect(() => refuseVoidRun(run(1_250_000_000, 1_250_000_000))).toThrow(
      /void run: 1000 Mbit\/s at the sink/,
    );
  });

  it('may deliver more than the link carries where it compresses', () => {
    expect(() => refuseVoidRun(run(2_500_000_000, 1_250_000_000, true))).not.toThrow();
  });

  it('is void if the wire carried more than its rate, whatever compresses', () => {
    expect(() => refuseVoidRun(run(1_000, 1_270_000_000, true))).toThrow(/on the wire/);
  });

  it('is made again while it is void, three times at most, and never for another reason', async () => {
    let runs = 0;
    const voidUntil = (good: number) => () => {
      runs++;
      return runs < good ? Promise.reject(new VoidRunError('void run')) : Promise.resolve(runs);
    };
    expect(await retryVoid(voidUntil(3))).toBe(3);
    runs = 0;
    await expect(retryVoid(voidUntil(4))).rejects.toThrow('void run');
    expect(runs).toBe(3);
    const fails = (): Promise<never> => {
      runs++;
      return Promise.reject(new Error('no tunnel'));
    };
    await expect(retryVoid(fails)).rejects.toThrow('no tunnel');
    expect(runs).toBe(4);
  });
});
