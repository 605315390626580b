import { closeSync, constants, openSync, readFileSync } from 'node:fs';

/** What runs the guest's instructions: the processor itself, or QEMU's translator, which is many times slower. */
export type Accelerator = 'kvm' | 'tcg';

export interface AcceleratorChoice {
  readonly accelerator: Accelerator;
  /** Why it is not KVM. */
  readonly reason?: string;
}

/**
 * KVM where it opens and the processor has the extensions for it. A hypervisor that gives its guests a paravirtual KVM lets
 * `/dev/kvm` open too, but a kernel that does not know of it never comes up there.
 */
export function findAccelerator(device = '/dev/kvm', processors = '/proc/cpuinfo'): AcceleratorChoice {
  try {
    closeSync(openSync(device, constants.O_RDWR));
  } catch {
    return { accelerator: 'tcg', reason: `${device} does not open` };
  }
  if (/^flags\s*:.*\b(vmx|svm)\b/m.test(readFileSync(processors, 'utf8'))) return { accelerator: 'kvm' };
  return { accelerator: 'tcg', reason: `${device} opens, but the processor has neither VMX nor SVM` };
}
