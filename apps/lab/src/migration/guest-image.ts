import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { LabRequirementError } from '../network/requirements.js';
import { type ArchiveEntry, cpioArchive } from './cpio-archive.js';
import { dependencyOf, type Progress, unpackPackage } from './debian-packages.js';
import { modulesInOrder } from './kernel-modules.js';

const SOURCES = fileURLToPath(new URL('../../src/migration/guest/', import.meta.url));

/** The newest kernel for guests, without drivers for hardware; the package depends on the one with the files. */
const KERNEL_PACKAGE = 'linux-image-cloud-amd64';
const BUSYBOX_PACKAGE = 'busybox-static';

/** Drivers of the guest's disk and network card. */
const DRIVERS = ['virtio_pci', 'virtio_blk', 'virtio_net'];

/** What a guest boots from. */
export interface GuestImage {
  readonly kernel: string;
  readonly initialFileSystem: string;
  /** A static busybox, for use outside the guest too. */
  readonly busybox: string;
}

/**
 * Makes a guest: Debian's cloud kernel and busybox, and our program that keeps its memory busy. Packages are
 * downloaded once and unpacked under `folder`, not installed. Throws a LabRequirementError that says what is missing.
 */
export async function prepareGuestImage(folder: string, progress: Progress): Promise<GuestImage> {
  if (process.arch !== 'x64') {
    throw new LabRequirementError(`the guest is an x86-64 machine; this one is ${process.arch}`);
  }
  const kernelPackage = await dependencyOf(KERNEL_PACKAGE, /^linux-image-\d/);
  for (const name of [kernelPackage, BUSYBOX_PACKAGE]) {
    if (!existsSync(join(folder, name))) progress(`the guest's ${name} is missing: downloading it`);
    await unpackPackage(name, join(folder, name));
  }
  const kernelRoot = join(folder, kernelPackage);
  const busybox = await findFile(join(folder, BUSYBOX_PACKAGE, 'bin'), 'busybox');
  const initialFileSystem = join(folder, 'guest.cpio.gz');
  const archive = cpioArchive([
    ...['bin', 'dev', 'proc', 'sys', 'modules'].map((path) => ({ path, mode: 0o755 })),
    { path: 'init', mode: 0o755, content: await readFile(join(SOURCES, 'init.sh')) },
    { path: 'bin/busybox', mode: 0o755, content: await readFile(busybox) },
    { path: 'bin/guest-memory', mode: 0o755, content: await compile(folder) },
    ...(await moduleEntries(kernelRoot)),
  ]);
  await writeFile(`${initialFileSystem}.new`, gzipSync(archive, { level: 1 }));
  await rename(`${initialFileSystem}.new`, initialFileSystem);
  return { kernel: await findFile(join(kernelRoot, 'boot'), /^vmlinuz-/), initialFileSystem, busybox };
}

/** The guest has no C library, so the program brings what it needs. */
async function compile(folder: string): Promise<Buffer> {
  await mkdir(folder, { recursive: true });
  const program = join(folder, 'guest-memory');
  const source = join(SOURCES, 'guest-memory.c');
  try {
    await promisify(execFile)('cc', ['-static', '-O2', '-Wall', '-Wextra', '-Werror', '-o', program, source]);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new LabRequirementError(
      `the guest's program does not compile (apt-get install build-essential): ${said}`,
      {
        cause,
      },
    );
  }
  return readFile(program);
}

async function moduleEntries(kernelRoot: string): Promise<ArchiveEntry[]> {
  const modules = await modulesInOrder(join(kernelRoot, 'lib/modules'), DRIVERS);
  const order = Buffer.from(modules.map(({ name }) => `${name}.ko\n`).join(''));
  return [
    ...modules.map(({ name, content }) => ({ path: `modules/${name}.ko`, mode: 0o644, content })),
    { path: 'modules/order', mode: 0o644, content: order },
  ];
}

async function findFile(folder: string, name: string | RegExp): Promise<string> {
  const paths = await readdir(folder, { recursive: true });
  const matches = (file: string): boolean => (typeof name === 'string' ? file === name : name.test(file));
  const found = paths.find((path) => matches(basename(path)));
  if (found !== undefined) return join(folder, found);
  throw new LabRequirementError(`${folder} has no ${String(name)}: remove that folder and start again`);
}
