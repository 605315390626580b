import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { installPackage, type Progress } from './debian-packages.js';
import { QEMU } from './virtual-machine.js';

const QEMU_PACKAGE = 'qemu-system-x86';

/** Installs QEMU if it is missing, and says so. Throws a LabRequirementError where that cannot be. */
export async function ensureQemu(progress: Progress): Promise<void> {
  if (isOnPath(QEMU)) return;
  progress(`${QEMU} is missing: installing Debian's ${QEMU_PACKAGE}`);
  await installPackage(QEMU_PACKAGE);
}

function isOnPath(command: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)));
}
