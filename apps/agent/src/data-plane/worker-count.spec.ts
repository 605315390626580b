import { dataPlaneWorkers, type WorkerCountBasis } from './worker-count.js';

const GIB = 2 ** 30;
const BASIS: WorkerCountBasis = {
  wanted: undefined,
  peers: Infinity,
  cores: 16,
  memoryBytes: GIB,
  steering: true,
};

it.each([
  [{ cores: 1 }, 1],
  [{ cores: 2 }, 1],
  [{ cores: 3 }, 1],
  [{ cores: 4 }, 2],
  [{ cores: 8 }, 4],
  [{ cores: 64 }, 8],
  [{ cores: 64, peers: 3 }, 3],
  [{ cores: 64, peers: 0 }, 1],
  [{ cores: 64, memoryBytes: 200 * 2 ** 20 }, 3],
  [{ cores: 2, wanted: 4 }, 4],
  [{ wanted: 1, memoryBytes: 2 ** 20 }, 1],
  [{ wanted: 16 }, 16],
])('%p: %d', (change, count) => {
  expect(dataPlaneWorkers({ ...BASIS, ...change })).toEqual({ count });
});

it('one where the kernel cannot steer, and why', () => {
  expect(dataPlaneWorkers({ ...BASIS, steering: false })).toEqual({
    count: 1,
    notice: expect.stringMatching(
      /^one data-plane worker instead of 8: .*SO_ATTACH_REUSEPORT_CBPF/,
    ) as string,
  });
  expect(dataPlaneWorkers({ ...BASIS, cores: 2, steering: false })).toEqual({ count: 1 });
});

it.each([0, 33, 1.5, NaN])('%p workers are refused', (wanted) => {
  expect(() => dataPlaneWorkers({ ...BASIS, wanted })).toThrow('a whole number from 1 to 32');
});

it('more than have memory are refused, with what is possible', () => {
  expect(() => dataPlaneWorkers({ ...BASIS, wanted: 17 })).toThrow(
    '17 data-plane workers need 1088 MiB of memory, 64 each, and have 1024: use at most 16, or give more memoryMiB',
  );
});
