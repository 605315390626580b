import { readTar } from './tar.js';

/** One entry of a ustar archive, with a checksum that is right. */
function entry(path: string, content = '', { type = '0', mode = '0000600', prefix = '' } = {}): Buffer {
  const header = Buffer.alloc(512);
  header.write(path, 0, 100);
  header.write(`${mode}\0`, 100);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write(' '.repeat(8), 148);
  header.write(type, 156);
  header.write('ustar\0' + '00', 257);
  header.write(prefix, 345, 155);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  body.write(content);
  return Buffer.concat([header, body]);
}

const END = Buffer.alloc(1024);
const read = (...entries: Buffer[]) =>
  [...readTar(Buffer.concat([...entries, END]))].map(({ content, ...rest }) => ({
    ...rest,
    text: Buffer.from(content).toString(),
  }));

it('gives files and folders, with long paths and what may be run', () => {
  const long = 'a'.repeat(90);
  expect(
    read(
      entry('folder/', '', { type: '5', mode: '0000700' }),
      entry('./folder/file', 'content'),
      entry('program', 'x'.repeat(600), { mode: '0000755' }),
      entry('file', '', { prefix: `${long}/${'b'.repeat(60)}` }),
    ),
  ).toEqual([
    { type: 'folder', path: 'folder', executable: true, text: '' },
    { type: 'file', path: 'folder/file', executable: false, text: 'content' },
    { type: 'file', path: 'program', executable: true, text: 'x'.repeat(600) },
    { type: 'file', path: `${long}/${'b'.repeat(60)}/file`, executable: false, text: '' },
  ]);
});

it.each(['../file', 'folder/../../file', '/etc/passwd', 'folder//file', 'a\\..\\b', '', '..'])(
  'refuses a path that leads out of it: %j',
  (path) => {
    expect(() => read(entry(path))).toThrow('leads out of it');
    expect(() => read(entry('file', '', { prefix: path === '' ? '..' : path }))).toThrow('leads out of it');
  },
);

it.each([
  ['a link', '2'],
  ['a hard link', '1'],
  ['a device', '3'],
  ['a header of another format', 'x'],
])('refuses what is no plain file: %s', (_, type) => {
  expect(() => read(entry('file', '', { type }))).toThrow('only files and folders');
});

it('refuses what is damaged, or cut short', () => {
  const archive = Buffer.concat([entry('file', 'content'), END]);
  const changed = Buffer.from(archive);
  changed[0] ^= 1;
  expect(() => [...readTar(changed)]).toThrow('a checksum is wrong');
  expect(() => [...readTar(archive.subarray(0, 600))]).toThrow('cut short');
  expect(() => [...readTar(archive.subarray(0, 1024))]).toThrow('cut short');
  expect(() => [...readTar(Buffer.alloc(1024, 'x'))]).toThrow('no ustar archive');
});
