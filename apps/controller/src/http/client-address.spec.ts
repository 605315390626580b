import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { clientAddress, proxyList, trustProxies } from './client-address.js';

let server: Server;

const startBehind = async (...proxies: string[]): Promise<void> => {
  server = createServer((incoming, response) => {
    response.end(clientAddress(incoming));
  });
  trustProxies(server, proxyList(proxies));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
};
afterEach(() => server.close());

const addressSeen = (forwardedFor?: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor };
    request({ port, host: '127.0.0.1', headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        resolve(text);
      });
    })
      .on('error', reject)
      .end();
  });

test('nobody is believed who is not a proxy of ours', async () => {
  await startBehind('10.0.0.0/8');
  expect(await addressSeen('192.0.2.1')).toBe('127.0.0.1');
});

test('of a proxy of ours, the last address that is not of one counts', async () => {
  await startBehind('127.0.0.0/8', '10.0.0.1', 'fd00::/8');
  expect(await addressSeen()).toBe('127.0.0.1');
  expect(await addressSeen('192.0.2.1')).toBe('192.0.2.1');
  expect(await addressSeen('2001:db8::1')).toBe('2001:db8::1');
  expect(await addressSeen('198.51.100.9, 192.0.2.1, 10.0.0.1, fd00::7')).toBe('192.0.2.1');
  expect(await addressSeen('whoever, 10.0.0.1')).toBe('127.0.0.1');
});

test.each(['10.0.0.0/33', 'balancer', '10.0.0.1/8/8', 'fd00::/129'])('%s is refused in words', (entry) => {
  expect(() => proxyList([entry])).toThrow(`"${entry}" is neither an address nor a network`);
});
