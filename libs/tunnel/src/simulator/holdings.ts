import type { SimulatedHost } from './host.js';

/** What a host still holds of pools and budget, in words; nothing when all of its streams are over. */
export function holdingsOf(...hosts: readonly SimulatedHost[]): string[] {
  return hosts.flatMap((host) => {
    const { sendPool, receivePool, budget } = host.endpoint.shared;
    return [
      { what: 'chunks to send', count: sendPool.capacity - sendPool.available },
      { what: 'chunks received', count: receivePool.capacity - receivePool.available },
      { what: 'bytes of credit', count: budget.limit - budget.free },
    ]
      .filter(({ count }) => count !== 0)
      .map(({ what, count }) => `${host.name}: ${count} ${what}`);
  });
}
