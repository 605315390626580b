import { createServer } from 'node:net';
import { ServiceError } from './errors.js';

const listenOnce = (host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => {
        resolve(bound);
      });
    });
  });

/** A TCP port on `host` that was free a moment ago. */
export const freePort = (host = '127.0.0.1'): Promise<number> => listenOnce(host, 0);

/**
 * The given port if it can be listened on, or a free one when none is given.
 *
 * @throws ServiceError `PORT_TAKEN`, naming `service` and the port
 */
export const choosePort = async (service: string, host: string, port?: number): Promise<number> => {
  if (port === undefined) return freePort(host);
  try {
    return await listenOnce(host, port);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new ServiceError(
      'PORT_TAKEN',
      reason === 'EADDRINUSE'
        ? `${service} cannot listen on ${host}:${String(port)}: another program has the port. Stop it, or choose another port.`
        : `${service} cannot listen on ${host}:${String(port)} (${reason}). Choose another address or port.`,
      { cause: error },
    );
  }
};
