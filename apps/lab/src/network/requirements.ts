import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const TOOLS = [
  { command: 'ip', debianPackage: 'iproute2' },
  { command: 'nsenter', debianPackage: 'util-linux' },
  { command: 'setpriv', debianPackage: 'util-linux' },
];

/** A condition that a person has to mend; its message is the one line that says how. */
export class LabRequirementError extends Error {}

/** Throws a LabRequirementError if this machine or user cannot make emulated links. */
export function checkRequirements(): void {
  if (process.getuid?.() !== 0) {
    throw new LabRequirementError(
      'the lab makes network namespaces, so run it as root, for example with sudo',
    );
  }
  for (const { command, debianPackage } of TOOLS) {
    if (!onPath(command)) {
      throw new LabRequirementError(`${command} is missing: apt-get install ${debianPackage}`);
    }
  }
  if (!existsSync('/dev/net/tun')) {
    throw new LabRequirementError('/dev/net/tun is missing: load the kernel module with modprobe tun');
  }
}

function onPath(command: string): boolean {
  const folders = `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);
  return folders.some((folder) => folder !== '' && existsSync(join(folder, command)));
}
