import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { LabNetwork } from '../network/lab-network.js';
import { STRETCHED_LAN } from '../network/stretched-lan.js';
import type { WebRequest } from './outages.js';

const PROGRAM = fileURLToPath(new URL('../../dist/migration/web-client-program.js', import.meta.url));
const URL_OF_PAGE = `http://${STRETCHED_LAN.guest}/`;
/** Often enough to see what a user would call a hiccup, and no load for a guest that is emulated. */
const INTERVAL_MS = 50;
const TIMEOUT_MS = 2_000;
const POLL_MS = 20;

const requestSchema = z.object({
  askedMs: z.number(),
  answeredMs: z.number().optional(),
  text: z.string().optional(),
});

/** A client at the third place that fetches the guest's page all the time. */
export class WebClient {
  /** In the order in which they ended. */
  readonly requests: WebRequest[] = [];
  private lastText: string | undefined;

  private constructor(private readonly process: ChildProcess) {
    if (!process.stdout) throw new Error('the web client needs piped output');
    createInterface({ input: process.stdout }).on('line', (line) => {
      const { text, ...request } = requestSchema.parse(JSON.parse(line));
      this.requests.push(request);
      this.lastText = text ?? this.lastText;
    });
  }

  static start(network: LabNetwork): WebClient {
    const argv = [process.execPath, PROGRAM, URL_OF_PAGE, String(INTERVAL_MS), String(TIMEOUT_MS)];
    return new WebClient(network.exec('client', argv, { stdio: ['ignore', 'pipe', 'inherit'] }));
  }

  /** The page of the newest answer; undefined before the first. */
  get page(): string | undefined {
    return this.lastText;
  }

  /**
   * Resolves once a request that was asked after that time has been answered; false if none was within the bound, or
   * `isHopeless` said so.
   */
  async isAnsweredAfter(
    afterMs: number,
    withinMs: number,
    isHopeless: () => boolean = () => false,
  ): Promise<boolean> {
    const deadline = Date.now() + withinMs;
    const isAfter = ({ askedMs, answeredMs }: WebRequest): boolean =>
      askedMs >= afterMs && answeredMs !== undefined;
    while (!this.requests.some(isAfter)) {
      if (Date.now() > deadline || isHopeless()) return false;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return true;
  }

  stop(): void {
    this.process.kill('SIGKILL');
  }
}
