import type { ChildProcess } from 'node:child_process';
import { z } from 'zod';
import { LineReader } from './line-reader.js';

/** A child that speaks JSON lines on its output: its words in order, and its end with the reason. */
export class Program {
  readonly pid: number;
  private readonly lines: LineReader;
  private readonly exit: Promise<number | null>;
  private errors = '';

  constructor(
    private readonly name: string,
    private readonly child: ChildProcess,
  ) {
    if (!child.stdout || !child.stderr) throw new Error(`${name} needs piped output`);
    this.lines = new LineReader(child.stdout);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.errors = (this.errors + text).slice(-2000);
    });
    this.exit = new Promise((resolve) => {
      child.once('close', resolve);
      child.once('error', (error) => {
        this.errors += error.message;
        resolve(null);
      });
    });
    child.stdin?.on('error', () => undefined); // a write to a program that has ended: its end is reported below
    this.pid = child.pid ?? 0;
  }

  /** The next line, checked; rejects with what the program said on stderr if it ended or kept silent. */
  async read<T>(schema: z.ZodType<T>, timeoutMs: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.name} said nothing for ${timeoutMs} ms`)), timeoutMs);
    });
    try {
      const line = await Promise.race([this.lines.next(), silence]);
      return schema.parse(JSON.parse(line));
    } catch (error) {
      throw await this.explain(error);
    } finally {
      clearTimeout(timer);
    }
  }

  write(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** Ends the program and waits until it is gone. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.exit;
  }

  /** Waits for the program to end by itself. */
  ended(): Promise<number | null> {
    return this.exit;
  }

  private async explain(error: unknown): Promise<Error> {
    const running = this.child.exitCode === null && this.child.signalCode === null;
    if (running && !(error instanceof Error && error.message === 'the program ended')) {
      return error instanceof Error ? error : new Error(String(error));
    }
    await this.exit;
    return new Error(
      this.errors.trim() || `${this.name} ended (${this.child.exitCode ?? this.child.signalCode})`,
    );
  }
}
