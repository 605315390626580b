import { findLink, loadLinks } from '@longhaul/wan-emulator';
import { refuseVoidRun, repeatIfVoid, type RunToJudge, VoidRunError } from './void-run.js';

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
});

describe('a void run', () => {
  const voidTimes = (times: number) => {
    let runs = 0;
    return () => {
      runs++;
      if (runs <= times) throw new VoidRunError(`void ${runs}`);
      return Promise.resolve(runs);
    };
  };

  it('is made again, and says why', async () => {
    const said: string[] = [];
    await expect(repeatIfVoid(voidTimes(2), (text) => said.push(text))).resolves.toBe(3);
    expect(said).toEqual(['void 1', 'void 2']);
  });

  it('is given up after the third time', async () => {
    await expect(repeatIfVoid(voidTimes(3), () => undefined)).rejects.toThrow('void 3');
  });

  it('is not confused with one that failed', async () => {
    const fail = () => Promise.reject(new Error('broken'));
    await expect(repeatIfVoid(fail, () => undefined)).rejects.toThrow('broken');
  });
});
