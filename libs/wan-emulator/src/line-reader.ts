import type { Readable } from 'node:stream';

interface Waiter {
  resolve(line: string): void;
  reject(error: Error): void;
}

/** Lines of a child's output, one after the other on request. */
export class LineReader {
  private readonly lines: string[] = [];
  private readonly waiters: Waiter[] = [];
  private partial = '';
  private ended: Error | undefined;

  constructor(stream: Readable) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => this.take(chunk));
    stream.on('end', () => this.end(new Error('the program ended')));
    stream.on('error', (error) => this.end(error));
  }

  /** The next line; rejects once the stream has ended. */
  next(): Promise<string> {
    const line = this.lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.ended) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => this.waiters.push({ resolve, reject }));
  }

  private take(chunk: string): void {
    const parts = (this.partial + chunk).split('\n');
    this.partial = parts.pop() ?? '';
    for (const line of parts) {
      const waiter = this.waiters.shift();
      if (waiter) waiter.resolve(line);
      else this.lines.push(line);
    }
  }

  private end(error: Error): void {
    this.ended = error;
    for (const waiter of this.waiters.splice(0)) waiter.reject(error);
  }
}
