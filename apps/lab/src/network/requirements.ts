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
  TOOLS.forEach(checkTool);
  if (!existsSync('/dev/net/tun')) {
    throw new LabRequirementError('/dev/net/tun is missing: load the kernel module with modprobe tun');
  }
}

/** Throws a LabRequirementError that names the Debian package if a program is missing. */
export function checkTool({ command, debianPackage }: { command: string; debianPackage: string }): void {
  if (onPath(command)) return;
  throw new LabRequirementError(`${command} is missing: apt-get install ${debianPackage}`);
}

function onPath(command: string): boolean {
  const folders = `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);
  return folders.some((folder) => folder !== '' && existsSync(join(folder, command)));
}
