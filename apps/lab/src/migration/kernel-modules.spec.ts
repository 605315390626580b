import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { modulesInOrder } from './kernel-modules.js';

describe('modulesInOrder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-modules-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  function write(path: string, depends: string): void {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    const description = `license=GPL\0depends=${depends}\0name=any\0`;
    writeFileSync(join(folder, path), Buffer.concat([Buffer.from([1, 2, 0]), Buffer.from(description)]));
  }

  const names = async (...wanted: string[]): Promise<string[]> =>
    (await modulesInOrder(folder, wanted)).map(({ name }) => name);

  it('puts what a module needs before it, once', async () => {
    write('drivers/net/card.ko', 'bus,failover-core');
    write('net/core/failover-core.ko', '');
    write('drivers/bus.ko', 'ring');
    write('drivers/ring.ko', '');
    write('drivers/disk.ko', 'ring,bus');
    await expect(names('card', 'disk')).rejects.toThrow(/no module failover-core/);
    write('drivers/net/card.ko', 'bus,failover_core');
    expect(await names('card', 'disk')).toEqual(['ring', 'bus', 'failover_core', 'card', 'disk']);
  });

  it('names the module that is missing', async () => {
    await expect(names('floppy')).rejects.toThrow(/no module floppy/);
  });
});
