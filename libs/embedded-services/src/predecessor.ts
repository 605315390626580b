import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 50;

/** The program that runs under `pid`, or undefined when none does (or it is a zombie, or may not be seen). */
const programOf = (pid: number): string | undefined => {
  try {
    return basename(readlinkSync(`/proc/${String(pid)}/exe`).replace(/ \(deleted\)$/, ''));
  } catch {
    return undefined;
  }
};

/** The process id on the first line of `pidFile`, if it is one. */
const readPid = (pidFile: string): number | undefined => {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
};

/** The pid of a live `program` that wrote `pidFile`; a stale file, or a pid that another program got since, is none. */
export const livePredecessor = (pidFile: string, program: string): number | undefined => {
  const pid = readPid(pidFile);
  return pid !== undefined && programOf(pid) === program ? pid : undefined;
};

/** Waits for a predecessor that is about to end; its pid if it still lives after `timeoutMs`. */
export const awaitPredecessor = async (
  pidFile: string,
  program: string,
  timeoutMs: number,
): Promise<number | undefined> => {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const pid = livePredecessor(pidFile, program);
    if (pid === undefined || Date.now() >= deadline) return pid;
    await sleep(POLL_MS);
  }
};
