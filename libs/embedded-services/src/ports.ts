import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { ServiceError } from './errors.js';

/**
 * Free ports are drawn from here: below those that a system gives to whoever asks for any port (Linux from 32,768 by
 * default, see net.ipv4.ip_local_port_range; others from 49,152), so that none is given away before its taker has it.
 */
const DRAWN_FROM = { first: 12_000, end: 32_000 } as const;
/** So many taken ones in a row mean that something else is wrong. */
const MAX_DRAWS = 100;

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

const bindOnce = (address: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address, port, exclusive: true }, () => {
      socket.close(() => {
        resolve(port);
      });
    });
  });

const draw = async (takeOnce: (port: number) => Promise<number>): Promise<number> => {
  for (let draws = 1; ; draws += 1) {
    try {
      return await takeOnce(randomInt(DRAWN_FROM.first, DRAWN_FROM.end));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || draws === MAX_DRAWS) throw error;
    }
  }
};

/** A TCP port on `host`, from 12,000 to 31,999, that was free a moment ago. */
export const freePort = (host = '127.0.0.1'): Promise<number> => draw((port) => listenOnce(host, port));

/** A UDP port of `address`, from 12,000 to 31,999, that was free a moment ago. */
export const freeUdpPort = (address = '127.0.0.1'): Promise<number> =>
  draw((port) => bindOnce(address, port));

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
