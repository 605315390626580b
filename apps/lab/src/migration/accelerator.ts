import { closeSync, constants, openSync } from 'node:fs';

/** What runs the guest's instructions: the processor itself, or QEMU's translator, which is many times slower. */
export type Accelerator = 'kvm' | 'tcg';

/** KVM where it can be opened. */
export function findAccelerator(): Accelerator {
  try {
    closeSync(openSync('/dev/kvm', constants.O_RDWR));
    return 'kvm';
  } catch {
    return 'tcg';
  }
}
