import { appendFileSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { textFill } from './generators.js';
import { Lz4Ratio } from './lz4-ratio.js';
import { PAGE_BYTES, PageBuffer } from './page.js';
import { SeededRandom } from './seeded-random.js';
import { vmImageFill } from './vm-image.js';
import { prepareWorkload } from './workload.js';
import { ensureWorkloadFile } from './workload-file.js';

const MIB = 2 ** 20;

function imageOf(seed: number, mebibytes: number): Uint8Array {
  const buffer = new PageBuffer((mebibytes * MIB) / PAGE_BYTES);
  buffer.pages.forEach(vmImageFill(seed));
  return buffer.bytes;
}

function ratioOf(bytes: Uint8Array): number {
  const ratio = new Lz4Ratio();
  ratio.add(bytes);
  return ratio.value;
}

describe("a virtual machine's memory image", () => {
  it('is the same for the same seed and another for another', () => {
    expect(Buffer.compare(imageOf(3, 2), imageOf(3, 2))).toBe(0);
    expect(Buffer.compare(imageOf(3, 2), imageOf(4, 2))).not.toBe(0);
  });

  it('shrinks under LZ4 as the memory of loaded guests does', () => {
    const ratio = ratioOf(imageOf(1, 96));
    expect(ratio).toBeGreaterThan(2.8);
    expect(ratio).toBeLessThan(3.2);
  });

  it('holds about one fifth of zero pages and repeats no other', () => {
    const image = imageOf(1, 64);
    const pages = new Set<string>();
    let zero = 0;
    for (let at = 0; at < image.length; at += PAGE_BYTES) {
      const page = Buffer.from(image.buffer, at, PAGE_BYTES);
      if (page.every((byte) => byte === 0)) zero++;
      else pages.add(page.toString('latin1'));
    }
    const count = image.length / PAGE_BYTES;
    expect(zero / count).toBeGreaterThan(0.16);
    expect(zero / count).toBeLessThan(0.24);
    expect(pages.size).toBe(count - zero);
  });
});

describe('text', () => {
  it('shrinks under LZ4 as prose does', () => {
    const buffer = new PageBuffer(1024);
    buffer.pages.forEach(textFill(new SeededRandom(1)));
    const ratio = ratioOf(buffer.bytes);
    expect(ratio).toBeGreaterThan(1.4);
    expect(ratio).toBeLessThan(2);
  });
});

describe('a made file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-workload-'));
  const path = join(folder, 'file.bin');
  const make = (progress: string[]) =>
    ensureWorkloadFile(
      path,
      2 * MIB,
      () => vmImageFill(9),
      (text) => progress.push(text),
    );

  afterAll(() => rmSync(folder, { recursive: true }));

  it('is made once, and made again only when its bytes have changed', async () => {
    const said: string[] = [];
    const first = await make(said);
    expect(said).toHaveLength(1);
    expect(await make(said)).toEqual(first);
    utimesSync(path, new Date(), new Date());
    expect(await make(said)).toEqual(first);
    expect(said).toHaveLength(1);

    const bytes = readFileSync(path);
    bytes[123_456] = (bytes[123_456] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    expect(await make(said)).toEqual(first);
    appendFileSync(path, 'more');
    expect(await make(said)).toEqual(first);
    expect(said).toHaveLength(3);
  });
});

describe('workloads by name', () => {
  it('take a file of the user and look at its ratio', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'longhaul-workload-'));
    const path = join(folder, 'mine');
    writeFileSync(path, Buffer.alloc(100_000, 'abc'));
    const workload = await prepareWorkload(`file:${path}`);
    expect(workload).toMatchObject({ bytes: 100_000 });
    expect(workload.lz4Ratio).toBeGreaterThan(50);
    expect(workload.pattern(1)).toBe(`file:${path}`);
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['nothing', /no workload "nothing"; there are random, text, vm and file:PATH/],
    ['file:/does/not/exist', /there is no such file/],
  ])('refuse %s with advice', async (name, message) => {
    await expect(prepareWorkload(name)).rejects.toThrow(message);
  });
});
