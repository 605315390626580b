import { createServer, type Server } from 'node:net';
import type { Server as HttpsServer } from 'node:https';
import type { ListenAddress } from '../config/settings.js';

/**
 * Listens at several addresses with one HTTPS server: the first is its own, connections of the others are handed to it.
 *
 * @returns how to stop taking connections at the others
 * @throws Error that says what to do when an address cannot be had
 */
export const listenAtAll = async (
  server: HttpsServer,
  addresses: readonly ListenAddress[],
): Promise<() => void> => {
  const [first, ...others] = addresses;
  if (first === undefined) throw new Error('LONGHAUL_LISTEN names no address');
  await listen(server, first);
  const doors = others.map(() => createServer((socket) => server.emit('connection', socket)));
  await Promise.all(doors.map((door, index) => listen(door, others[index] ?? first)));
  return () => {
    for (const door of doors) door.close();
  };
};

const listen = (server: Server | HttpsServer, { host, port }: ListenAddress): Promise<void> =>
  new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      reject(new Error(explain(error, host, port), { cause: error }));
    };
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      resolve();
    });
  });

const explain = ({ code, message }: NodeJS.ErrnoException, host: string, port: number): string => {
  const where = `${host}:${String(port)}`;
  if (code === 'EADDRINUSE')
    return `${where} is taken by another program: stop it, or set LONGHAUL_LISTEN to another port.`;
  if (code === 'EADDRNOTAVAIL')
    return `This machine has no address ${host}: set LONGHAUL_LISTEN to one that it has.`;
  if (code === 'EACCES') return `Only root may listen at ${where}: set LONGHAUL_LISTEN to a port above 1023.`;
  return `Cannot listen at ${where}: ${message}`;
};
