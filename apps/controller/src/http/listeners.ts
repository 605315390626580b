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
  await listenOn(server, first, 'LONGHAUL_LISTEN');
  const doors = others.map(() => createServer((socket) => server.emit('connection', socket)));
  await Promise.all(doors.map((door, index) => listenOn(door, others[index] ?? first, 'LONGHAUL_LISTEN')));
  return () => {
    for (const door of doors) door.close();
  };
};

/** @throws Error that names the setting to change when the address cannot be had */
export const listenOn = (
  server: Server | HttpsServer,
  { host, port }: ListenAddress,
  setting: string,
): Promise<void> =>
  new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      reject(new Error(explain(error, `${host}:${String(port)}`, setting), { cause: error }));
    };
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      resolve();
    });
  });

const explain = ({ code, message }: NodeJS.ErrnoException, where: string, setting: string): string => {
  if (code === 'EADDRINUSE')
    return `${where} is taken by another program: stop it, or set ${setting} to another port.`;
  if (code === 'EADDRNOTAVAIL')
    return `This machine has no address of ${where}: set ${setting} to one that it has.`;
  if (code === 'EACCES') return `Only root may listen at ${where}: set ${setting} to a port above 1023.`;
  return `Cannot listen at ${where}: ${message}`;
};
