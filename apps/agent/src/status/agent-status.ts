import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError } from '../errors.js';
import type { AgentReport } from './report.js';
import { defaultStatusSocket, readStatus, STATUS_SOCKET_DIR } from './status-socket.js';

export interface StatusOptions {
  /** Path of the agent's status socket. */
  readonly statusSocket?: string;
  /** Name of the agent, where the socket has its default place. */
  readonly name?: string;
}

/** The report of a running agent: the one that is named, or the only one on this machine. @throws AgentError */
export async function agentStatus({ statusSocket, name }: StatusOptions): Promise<AgentReport> {
  if (statusSocket !== undefined) return readStatus(statusSocket);
  if (name !== undefined) return readStatus(defaultStatusSocket(name));
  const files = await readdir(STATUS_SOCKET_DIR).catch(() => []);
  const sockets = files
    .filter((file) => /^agent-.*\.sock$/.test(file))
    .map((file) => join(STATUS_SOCKET_DIR, file));
  const [only, ...others] = sockets;
  if (only === undefined)
    throw new AgentError('no agent runs here; name its socket by --status-socket if one does');
  if (others.length > 0)
    throw new AgentError(`several agents run here: name one by --status-socket (${sockets.join(', ')})`);
  return readStatus(only);
}
