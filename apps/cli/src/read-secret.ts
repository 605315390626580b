import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** Swallows the echo. */
const silence = new Writable({
  write(_chunk, _encoding, done) {
    done();
  },
});

/** One line from standard input: asked for without echo on a terminal, else simply read. */
export async function readSecret(prompt: string): Promise<string> {
  const terminal = process.stdin.isTTY === true;
  if (terminal) process.stderr.write(prompt);
  const lines = createInterface({ input: process.stdin, output: silence, terminal });
  try {
    for await (const line of lines) return line;
    return '';
  } finally {
    lines.close();
    if (terminal) process.stderr.write('\n');
  }
}
