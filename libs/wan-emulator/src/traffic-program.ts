import type { ChildProcess } from 'node:child_process';
import { z } from 'zod';
import { Program } from './program.js';
import { programPath } from './programs.js';

/** Where a program of the traffic can be started: a namespace, or something that stands for one. */
export interface Site {
  exec(argv: readonly string[]): ChildProcess;
}

const START_TIMEOUT_MS = 10_000;
/** A program that has been told its length may take so much longer. */
export const GRACE_MS = 10_000;

const listeningSchema = z.object({ event: z.literal('listening'), port: z.int() });

/** Starts a mode of wan-traffic with options by their names; those that are undefined are left out. */
export function start(
  site: Site,
  mode: string,
  options: Readonly<Record<string, string | number | undefined>>,
): Program {
  const argv = [programPath('wan-traffic'), mode];
  for (const [key, value] of Object.entries(options)) {
    if (value !== undefined) argv.push(`--${key}`, String(value));
  }
  return new Program(`wan-traffic ${mode}`, site.exec(argv));
}

/** The same for a mode that says when it listens; resolves then. */
export async function startListening(
  site: Site,
  mode: string,
  options: Readonly<Record<string, string | number | undefined>>,
): Promise<Program> {
  const program = start(site, mode, options);
  try {
    await program.read(listeningSchema, START_TIMEOUT_MS);
    return program;
  } catch (error) {
    await program.stop();
    throw error;
  }
}
