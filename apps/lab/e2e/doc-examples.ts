import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** A block of code in a document. */
export interface DocExample {
  readonly language: string;
  readonly text: string;
}

/** The examples of a document in their order; one with an ellipsis shows a form and is none. */
export function docExamples(path: string): DocExample[] {
  const markdown = readFileSync(join(ROOT, path), 'utf8');
  return [...markdown.matchAll(/^```(sh|js)\n(.*?)^```$/gms)]
    .map(([, language = '', text = '']) => ({ language, text }))
    .filter(({ text }) => !text.includes('…'));
}

export interface ExampleOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs examples as a person would who has pasted them, with `longhaul` in the path. */
export class ExampleRunner {
  private constructor(
    private readonly dir: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /** @param dir where files of the examples go */
  static async create(dir: string, env: NodeJS.ProcessEnv): Promise<ExampleRunner> {
    const bin = join(dir, 'bin');
    await mkdir(bin, { recursive: true });
    const longhaul = join(bin, 'longhaul');
    await writeFile(longhaul, `#!/bin/sh\nexec ${process.execPath} ${ROOT}/apps/cli/bin/longhaul.js "$@"\n`);
    await chmod(longhaul, 0o755);
    const path = `${bin}:${process.env['PATH'] ?? ''}`;
    return new ExampleRunner(dir, { PATH: path, HOME: dir, ...env });
  }

  run({ language, text }: DocExample): Promise<ExampleOutcome> {
    const [command, args, cwd] =
      language === 'sh'
        ? ['bash', ['--norc', '--noprofile', '-euo', 'pipefail', '-c', text], this.dir]
        : [process.execPath, ['--input-type=module', '--eval', text], ROOT];
    const child = spawn(command, args, { cwd, env: this.env });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (part: string) => (stdout += part));
    child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
    return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  }
}
