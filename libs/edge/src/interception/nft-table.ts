import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How long nft may take over a ruleset of ten thousand rules on a busy machine, with room to spare. */
const COMMAND_TIMEOUT_MS = 60_000;

/** nftables did not take a ruleset, or is not there. */
export class InterceptionError extends Error {
  constructor(problem: string) {
    super(`interception by nftables: ${problem}`);
    this.name = 'InterceptionError';
  }
}

/** Whether the kernel and nft take a ruleset; changes nothing. @throws InterceptionError */
export async function checkRuleset(ruleset: string): Promise<void> {
  await withFile(ruleset, async (file) => {
    const child = spawn('nft', ['--check', '--file', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    const errors = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part));
      child.on('error', (error) => {
        reject(unavailable(error));
      });
      child.on('close', (code) => {
        resolve(code === 0 ? '' : text || `nft ended with code ${code}`);
      });
    });
    if (errors !== '') throw new InterceptionError(firstLine(errors));
  });
}

/**
 * A table that lives as long as this process does. It is loaded through a child `nft --interactive`, which owns it
 * (`flags owner`); the child ends when its standard input does, and then the kernel removes the table. So however this
 * process ends, nothing is redirected to it any more.
 */
export class NftTable {
  private child: ChildProcess | undefined;
  private errors = '';
  private commands = 0;

  constructor(
    /** The child ended although nobody asked it to: the table is gone. */
    private readonly onLost: (reason: string) => void,
  ) {}

  /** Loads a ruleset in one transaction: all of it or, with an error, nothing. @throws InterceptionError */
  async load(ruleset: string): Promise<void> {
    const child = this.child ?? this.start();
    await withFile(ruleset, async (file) => {
      const errors = await this.command(child, `include "${file}"`);
      if (errors !== '') throw new InterceptionError(firstLine(errors));
    });
  }

  /** Removes the table, and waits until it is gone. */
  async close(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stdin?.end();
    await ended;
  }

  private start(): ChildProcess {
    const child = spawn('nft', ['--interactive'], { stdio: ['pipe', 'ignore', 'pipe'] });
    this.child = child;
    this.errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => {
      this.lost(child, unavailable(error).message);
    });
    child.on('close', (code, signal) => {
      this.lost(child, `nft ended with ${signal ?? `code ${code}`}`);
    });
    return child;
  }

  private lost(child: ChildProcess, reason: string): void {
    if (this.child !== child) return;
    this.child = undefined;
    this.onLost(reason);
  }

  /**
   * Gives what nft complains of, or ''. nft says nothing when a command succeeds; so an unknown table is asked for next,
   * and the complaint that names it marks the end.
   */
  private async command(child: ChildProcess, line: string): Promise<string> {
    const marker = `longhaul_end_of_command_${++this.commands}`;
    this.errors = '';
    child.stdin?.write(`${line}\nlist table inet ${marker}\n`);
    const complaints = await this.complaintsUntil(child, marker);
    return complaints.slice(0, complaints.lastIndexOf('Error:', complaints.indexOf(marker))).trim();
  }

  private complaintsUntil(child: ChildProcess, marker: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timeout);
        child.stderr?.off('data', look);
        child.off('close', ended);
        child.off('error', failed);
        act();
      };
      const look = (): void => {
        if (this.errors.includes(marker))
          settle(() => {
            resolve(this.errors);
          });
      };
      const ended = (): void => {
        settle(() => {
          reject(new InterceptionError(firstLine(this.errors) || 'nft ended'));
        });
      };
      const failed = (error: Error): void => {
        settle(() => {
          reject(unavailable(error));
        });
      };
      const timeout = setTimeout(() => {
        settle(() => {
          reject(new InterceptionError(`nft did not answer within ${COMMAND_TIMEOUT_MS} ms`));
        });
      }, COMMAND_TIMEOUT_MS);
      child.stderr?.on('data', look);
      child.on('close', ended);
      child.on('error', failed);
      look();
    });
  }
}

function unavailable(error: Error): InterceptionError {
  const missing = 'code' in error && error.code === 'ENOENT';
  return new InterceptionError(
    missing ? 'the program nft is missing: install the package nftables' : error.message,
  );
}

async function withFile(content: string, use: (file: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'longhaul-nft-'));
  try {
    const file = join(folder, 'ruleset.nft');
    await writeFile(file, content, { mode: 0o600 });
    await use(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function firstLine(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(/^.*?Error: /, '').trim())
    .filter((line) => line !== '')
    .slice(0, 2)
    .join(': ');
}
