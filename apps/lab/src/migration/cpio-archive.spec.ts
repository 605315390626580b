import { cpioArchive } from './cpio-archive.js';

/** Reads an archive as the kernel does: by lengths, aligned to four bytes. */
function read(archive: Buffer): { name: string; mode: string; links: number; content: string }[] {
  const members = [];
  let at = 0;
  for (;;) {
    const field = (index: number): number =>
      parseInt(archive.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
    expect(archive.toString('latin1', at, at + 6)).toBe('070701');
    const name = archive.toString('latin1', at + 110, at + 110 + field(11) - 1);
    const start = (at + 110 + field(11) + 3) & ~3;
    const content = archive.toString('latin1', start, start + field(6));
    const member = { name, mode: field(1).toString(8), links: field(4), content };
    at = (start + field(6) + 3) & ~3;
    if (name === 'TRAILER!!!') break;
    members.push(member);
  }
  expect(at).toBe(archive.length);
  return members;
}

describe('cpioArchive', () => {
  it('holds folders and files of any length, the trailer last', () => {
    const archive = cpioArchive([
      { path: 'bin', mode: 0o755 },
      { path: 'bin/odd', mode: 0o755, content: Buffer.from('12345') },
      { path: 'even', mode: 0o644, content: Buffer.from('1234') },
      { path: 'empty', mode: 0o600, content: new Uint8Array() },
    ]);
    expect(read(archive)).toEqual([
      { name: 'bin', mode: '40755', links: 2, content: '' },
      { name: 'bin/odd', mode: '100755', links: 1, content: '12345' },
      { name: 'even', mode: '100644', links: 1, content: '1234' },
      { name: 'empty', mode: '100600', links: 1, content: '' },
    ]);
  });

  it('gives each member an inode of its own, or the kernel would link them', () => {
    const archive = cpioArchive([
      { path: 'a', mode: 0o644, content: Buffer.from('a') },
      { path: 'b', mode: 0o644, content: Buffer.from('b') },
    ]).toString('latin1');
    const inodes = [...archive.matchAll(/070701([0-9a-f]{8})/g)].map(([, inode]) => inode);
    expect(new Set(inodes).size).toBe(3);
  });
});
