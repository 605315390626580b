import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Starting processes takes its time on a machine that is busy. */
export const PROCESS_PATIENCE_MS = 60_000;

export function scriptPath(name: string): string {
  return fileURLToPath(new URL(`./${name}`, import.meta.url));
}

export interface ProcessResult {
  code: number | null;
  signal: string | null;
  /** Standard output and error as they came. */
  output: string;
}

export function runProcess(command: string, argv: string[]): Promise<ProcessResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, argv, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: PROCESS_PATIENCE_MS - 5_000,
    });
    let output = '';
    child.stdout.on('data', (text) => (output += String(text)));
    child.stderr.on('data', (text) => (output += String(text)));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, output }));
  });
}
