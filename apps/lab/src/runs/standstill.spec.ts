import { refuseStandstill } from './standstill.js';
import { VoidRunError } from './void-run.js';

function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('measured work', () => {
  it('gives its value, or fails as it does', async () => {
    expect(await refuseStandstill(() => Promise.resolve(3))).toBe(3);
    await expect(refuseStandstill(() => Promise.reject(new Error('no tunnel')))).rejects.toThrow('no tunnel');
  });

  it('is void if the lab stood still in its course, whatever became of it', async () => {
    const paused = async (): Promise<void> => {
      await Promise.resolve();
      standStill(1_600);
      throw new Error('no tunnel');
    };
    await expect(refuseStandstill(paused)).rejects.toThrow(VoidRunError);
    await expect(refuseStandstill(paused)).rejects.toThrow(/stood still for \d\.\d s/);
  });
});
