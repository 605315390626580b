/** A file of an archive. */
export interface ArchiveEntry {
  /** Without a leading slash. Its folders come before it. */
  readonly path: string;
  /** Permission bits, e.g. 0o755. */
  readonly mode: number;
  /** Undefined for a folder. */
  readonly content?: Uint8Array;
}

const REGULAR_FILE = 0o100000;
const FOLDER = 0o040000;
const MAGIC = '070701';
const TRAILER = 'TRAILER!!!';

/**
 * An archive in the format "newc", which the kernel unpacks as its first file system
 * (Documentation/driver-api/early-userspace/buffer-format.rst). All files belong to root and have no date.
 */
export function cpioArchive(entries: readonly ArchiveEntry[]): Buffer {
  const members = entries.map((entry, i) => member(entry, i + 1));
  return Buffer.concat([...members, member({ path: TRAILER, mode: 0, content: new Uint8Array() }, 0)]);
}

function member({ path, mode, content }: ArchiveEntry, inode: number): Buffer {
  const name = Buffer.from(`${path}\0`);
  const type = inode === 0 ? 0 : content === undefined ? FOLDER : REGULAR_FILE;
  const links = content === undefined ? 2 : 1;
  const size = content?.length ?? 0;
  // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const fields = [inode, type | mode, 0, 0, links, 0, size, 0, 0, 0, 0, name.length, 0];
  const header = MAGIC + fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  return Buffer.concat([
    padded(Buffer.concat([Buffer.from(header), name])),
    padded(content ?? Buffer.alloc(0)),
  ]);
}

/** Header with name, and content, each end on a multiple of four bytes. */
function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
