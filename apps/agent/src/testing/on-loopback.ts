import { freePort as freeTcpPort, freeUdpPort } from '@longhaul/embedded-services';

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A port of the loopback that nobody had a moment ago. */
export function freePort(kind: 'tcp' | 'udp'): Promise<number> {
  return kind === 'tcp' ? freeTcpPort() : freeUdpPort();
}
