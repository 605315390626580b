import { AllowTable } from './allow-table.js';

const ALL_PORTS = [{ from: 1, to: 65_535 }];

function allowed(prefixes: string[], address: string, port = 80): boolean {
  const management = [{ address: '192.0.2.10', port: 8443 }];
  const table = new AllowTable([{ peerId: 'peer', prefixes, ports: ALL_PORTS }], management);
  return table.allows('peer', { address, port });
}

describe('what a peer may have opened', () => {
  it('is what a prefix and a range of ports of its own name', () => {
    const table = new AllowTable(
      [
        { peerId: 'a', prefixes: ['10.1.0.0/16'], ports: [{ from: 80, to: 90 }] },
        { peerId: 'a', prefixes: ['fd00:1::/32'], ports: [{ from: 22, to: 22 }] },
        { peerId: 'b', prefixes: ['10.2.0.0/16'], ports: ALL_PORTS },
      ],
      [],
    );
    expect(table.allows('a', { address: '10.1.255.255', port: 90 })).toBe(true);
    expect(table.allows('a', { address: '10.1.0.1', port: 91 })).toBe(false);
    expect(table.allows('a', { address: '10.2.0.1', port: 80 })).toBe(false);
    expect(table.allows('a', { address: 'fd00:1:ffff::1', port: 22 })).toBe(true);
    expect(table.allows('a', { address: 'fd00:1:ffff::1', port: 80 })).toBe(false);
    expect(table.allows('c', { address: '10.1.0.1', port: 80 })).toBe(false);
  });

  it.each(['127.0.0.1', '0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255', '192.0.2.10'])(
    'is not %s unless it is named',
    (address) => {
      expect(allowed(['0.0.0.0/0'], address)).toBe(false);
      expect(allowed([`${address}/32`], address)).toBe(true);
    },
  );

  it.each(['::1', '::', 'fe80::1', 'ff02::1'])('is not %s unless it is named', (address) => {
    expect(allowed(['::/0'], address)).toBe(false);
    expect(allowed([`${address}/128`], address)).toBe(true);
  });

  it.each(['::ffff:127.0.0.1', '0:0:0:0:0:ffff:7f00:1'])(
    'is not loopback in the clothes of IPv6: %s',
    (address) => {
      expect(allowed(['::/0', '0.0.0.0/0'], address)).toBe(false);
      expect(allowed(['127.0.0.0/8'], address)).toBe(true);
    },
  );
});
