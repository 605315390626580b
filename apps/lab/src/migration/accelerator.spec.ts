import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findAccelerator } from './accelerator.js';

describe('what runs the guest', () => {
  let folder: string;
  let processors: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'longhaul-accelerator-'));
    processors = join(folder, 'cpuinfo');
  });

  afterAll(() => rm(folder, { recursive: true }));

  test.each(['vmx', 'svm'])('is KVM where its device opens and the processor has %s', async (extension) => {
    await writeFile(processors, `processor\t: 0\nflags\t\t: fpu sse2 ${extension} aes\n`);
    expect(findAccelerator('/dev/null', processors)).toEqual({ accelerator: 'kvm' });
  });

  test('is not KVM where the processor cannot run a guest, whatever opens', async () => {
    await writeFile(processors, 'processor\t: 0\nflags\t\t: fpu sse2 hypervisor\nvmx flags\t: none\n');
    const { accelerator, reason } = findAccelerator('/dev/null', processors);
    expect(accelerator).toBe('tcg');
    expect(reason).toContain('neither VMX nor SVM');
  });

  test('is not KVM where its device does not open', () => {
    const device = join(folder, 'kvm');
    expect(findAccelerator(device, processors)).toEqual({
      accelerator: 'tcg',
      reason: `${device} does not open`,
    });
  });
});
