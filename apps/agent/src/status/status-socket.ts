import { mkdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import { AgentError, messageOf } from '../errors.js';
import type { AgentReport } from './report.js';

const RUN_DIR = '/run/longhaul';
const ANSWER_TIMEOUT_MS = 3000;

/** Where the agent of this name serves its status unless told otherwise. */
export function defaultStatusSocket(agentName: string): string {
  return `${RUN_DIR}/agent-${agentName}.sock`;
}

export const STATUS_SOCKET_DIR = RUN_DIR;

/** Serves the report as one JSON document to everyone who connects; only the agent's own user may. */
export class StatusServer {
  private constructor(
    private readonly server: Server,
    private readonly path: string,
  ) {}

  /** @throws AgentError */
  static async listen(path: string, report: () => AgentReport): Promise<StatusServer> {
    await refuseSecondAgent(path);
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(JSON.stringify(report()));
    });
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o755 });
      await rm(path, { force: true });
      await listenPrivately(server, path);
    } catch (error) {
      throw new AgentError(
        `cannot serve the status on ${path}: ${messageOf(error)}; choose another by --status-socket`,
      );
    }
    return new StatusServer(server, path);
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.server.close(resolve));
    await rm(this.path, { force: true });
  }
}

function listenPrivately(server: Server, path: string): Promise<void> {
  const umask = process.umask(0o177);
  return new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  }).finally(() => process.umask(umask));
}

/** A socket file that nobody serves is a leftover; one that somebody serves belongs to a running agent. */
async function refuseSecondAgent(path: string): Promise<void> {
  const answer = await readStatus(path).catch(() => undefined);
  if (answer !== undefined)
    throw new AgentError(
      `an agent already runs here (${path}, pid ${answer.pid}): stop it, or choose another --status-socket`,
    );
}

/** Asks a running agent. @throws AgentError if there is none */
export function readStatus(path: string): Promise<AgentReport> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(new Error('it does not answer')));
    socket.on('data', (part: string) => (text += part));
    socket.on('error', (error) => {
      reject(new AgentError(`no agent answers on ${path}: ${error.message}; is it running?`));
    });
    socket.on('end', () => {
      try {
        resolve(JSON.parse(text) as AgentReport);
      } catch {
        reject(new AgentError(`${path} is not an agent's status socket`));
      }
    });
  });
}
