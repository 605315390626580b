import { AgentError } from '../errors.js';

/** Reads ustar archives (POSIX.1-1988): files and folders, and nothing else. */

const BLOCK = 512;
const NAME = { offset: 0, length: 100 };
const MODE = { offset: 100, length: 8 };
const SIZE = { offset: 124, length: 12 };
const CHECKSUM = { offset: 148, length: 8 };
const TYPE_OFFSET = 156;
const MAGIC = { offset: 257, length: 5 };
const PREFIX = { offset: 345, length: 155 };
/** Files of a release: its own and those of its packages; some thousand. */
const MAX_ENTRIES = 50_000;

export interface TarEntry {
  readonly type: 'file' | 'folder';
  /** Relative, of names joined by `/`; none of them is `.` or `..`. */
  readonly path: string;
  readonly executable: boolean;
  /** Empty of a folder. */
  readonly content: Uint8Array;
}

/** @throws AgentError for whatever is not a plain archive of files and folders below one folder */
export function* readTar(archive: Uint8Array): Iterable<TarEntry> {
  let entries = 0;
  for (let at = 0; at + BLOCK <= archive.length;) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return;
    if (++entries > MAX_ENTRIES) throw new AgentError(`the archive has more than ${MAX_ENTRIES} entries`);
    checkHeader(header);
    const size = octal(header, SIZE);
    const begin = at + BLOCK;
    if (begin + size > archive.length) throw new AgentError('the archive is cut short');
    yield entryOf(header, archive.subarray(begin, begin + size));
    at = begin + Math.ceil(size / BLOCK) * BLOCK;
  }
  throw new AgentError('the archive is cut short');
}

function entryOf(header: Uint8Array, content: Uint8Array): TarEntry {
  const prefix = text(header, PREFIX);
  const name = prefix === '' ? text(header, NAME) : `${prefix}/${text(header, NAME)}`;
  const path = safePath(name);
  const executable = (octal(header, MODE) & 0o100) !== 0;
  const type = String.fromCharCode(header[TYPE_OFFSET]);
  if (type === '5') return { type: 'folder', path, executable, content: content.subarray(0, 0) };
  if (type === '0' || type === '\0') return { type: 'file', path, executable, content };
  throw new AgentError(
    `the archive has an entry of type ${JSON.stringify(type)} (${path}): only files and folders may be in it`,
  );
}

/** A name that cannot lead out of the folder that the archive is unpacked into. @throws AgentError */
function safePath(name: string): string {
  const parts = name
    .replace(/\/$/, '')
    .split('/')
    .filter((part, index) => !(index === 0 && part === '.'));
  const isBad = (part: string): boolean =>
    part === '' || part === '.' || part === '..' || /[\\\0]/.test(part);
  if (parts.some(isBad))
    throw new AgentError(`the archive has a path that leads out of it: ${JSON.stringify(name)}`);
  return parts.join('/');
}

function checkHeader(header: Uint8Array): void {
  if (text(header, MAGIC) !== 'ustar') throw new AgentError('this is no ustar archive');
  const wanted = octal(header, CHECKSUM);
  let sum = 0;
  for (const [index, byte] of header.entries())
    sum += index >= CHECKSUM.offset && index < CHECKSUM.offset + CHECKSUM.length ? 0x20 : byte;
  if (sum !== wanted) throw new AgentError('the archive is damaged: a checksum is wrong');
}

interface Field {
  readonly offset: number;
  readonly length: number;
}

function text(header: Uint8Array, { offset, length }: Field): string {
  const bytes = header.subarray(offset, offset + length);
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
}

function octal(header: Uint8Array, field: Field): number {
  const digits = text(header, field).trim();
  if (!/^[0-7]+$/.test(digits)) throw new AgentError('the archive is damaged: a number is none');
  return parseInt(digits, 8);
}
