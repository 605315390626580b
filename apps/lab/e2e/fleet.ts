import type { ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runStream, type StreamResult } from '@longhaul/wan-emulator';
import { z } from 'zod';
import { ACCELERATED_PORT, TwoSiteFleet, type FleetOptions } from '../src/fleet/two-site-fleet.js';
import { SITE_ADDRESSES, type SiteName } from '../src/network/lab-network.js';

const STATE_ROOT = '/var/lib/longhaul/e2e';
const EXCHANGE = fileURLToPath(new URL('programs/exchange.mjs', import.meta.url));

/** A fleet with a state folder of its own, which {@link endFleet} removes. */
export async function startFleet(
  options: Partial<FleetOptions> = {},
): Promise<{ fleet: TwoSiteFleet; stateDir: string }> {
  mkdirSync(STATE_ROOT, { recursive: true, mode: 0o755 });
  const stateDir = mkdtempSync(`${STATE_ROOT}/`);
  chmodSync(stateDir, 0o755);
  const fleet = await TwoSiteFleet.start({ stateDir, prefix: 'lhe2e-', ...options });
  return { fleet, stateDir };
}

export async function endFleet(fleet: TwoSiteFleet | undefined, stateDir: string | undefined): Promise<void> {
  await fleet?.stop();
  if (stateDir !== undefined) rmSync(stateDir, { recursive: true, force: true });
}

export interface TransferOptions {
  readonly from: SiteName;
  readonly port?: number;
  readonly bytes?: number;
  readonly seconds?: number;
  readonly seed?: number;
  /** Called once bytes flow. */
  readonly onStarted?: () => void;
}

/** One TCP connection from one site's application to one on the other site's LAN. */
export function transfer({ network }: TwoSiteFleet, options: TransferOptions): Promise<StreamResult> {
  const { from, port = ACCELERATED_PORT, bytes, seconds, seed = 1, onStarted } = options;
  const to = from === 'a' ? 'b' : 'a';
  return runStream({
    from: network[from],
    to: network[to],
    listen: `${SITE_ADDRESSES[to].lan}:${port}`,
    pattern: `random:${seed}`,
    bytes,
    seconds,
    maxSeconds: 120,
    onStarted,
  });
}

const exchangeSchema = z.object({
  error: z.string().optional(),
  greeting: z.boolean().optional(),
  rounds: z.number().optional(),
  intact: z.boolean().optional(),
});

/** An exchange in which the server speaks first, from site a to a server at site b. */
export async function exchange(
  { network }: TwoSiteFleet,
  port: number,
  rounds: number,
): Promise<z.infer<typeof exchangeSchema>> {
  const where = `${SITE_ADDRESSES.b.lan}:${port}`;
  const server = network.exec('b', [process.execPath, EXCHANGE, 'serve', where]);
  try {
    await firstLine(server);
    const client = network.exec('a', [process.execPath, EXCHANGE, 'talk', where, String(rounds)]);
    return exchangeSchema.parse(JSON.parse(await firstLine(client)));
  } finally {
    server.kill('SIGKILL');
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (part: Buffer) => {
      text += part.toString();
      if (text.includes('\n')) resolve(text.split('\n')[0]);
    });
    child.on('error', reject);
    child.on('exit', (code) => {
      reject(new Error(`the program ended with ${String(code)} before it said anything`));
    });
  });
}

/** A busy machine is no failure. */
const PATIENCE_MS = 60_000;

/** Asks again until `check` is content; gives what it was content with. */
export async function eventually<T>(ask: () => Promise<T> | T, check: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await ask();
    if (check(value)) return value;
    if (Date.now() > deadline)
      throw new Error(`not within ${PATIENCE_MS} ms; last: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
