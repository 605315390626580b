import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { jest } from '@jest/globals';
import { prepareControllerState } from './prepare.js';

const DAY_MS = 86_400_000;

describe("an installation's state", () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'longhaul-state-'));

  afterEach(() => {
    jest.restoreAllMocks();
  });

  afterAll(() => {
    rmSync(stateDir, { recursive: true, force: true });
  });

  const fingerprints = (): Record<string, string> =>
    Object.fromEntries(
      readdirSync(stateDir, { recursive: true, encoding: 'utf8' })
        .map((name) => [name, join(stateDir, name)] as const)
        .filter(([, path]) => statSync(path).isFile())
        .map(([name, path]) => [name, createHash('sha256').update(readFileSync(path)).digest('hex')]),
    );

  it('is made once; a second time changes nothing', async () => {
    const first = await prepareControllerState(stateDir, { hosts: ['10.78.0.1', 'longhaul.example'] });
    expect(first.certificatesChanged).toBe(true);
    const before = fingerprints();
    const second = await prepareControllerState(stateDir, { hosts: ['longhaul.example'] });
    expect(second.certificatesChanged).toBe(false);
    expect(fingerprints()).toEqual(before);
    expect(second.caSha256).toBe(first.caSha256);
  });

  it('keeps secrets from others', () => {
    const secret = /\.(key|seed|secret|jwt|conf)$/;
    const files = Object.keys(fingerprints());
    expect(files.filter((name) => secret.test(name)).length).toBeGreaterThanOrEqual(10);
    for (const name of files.filter((file) => secret.test(file))) {
      expect([name, statSync(join(stateDir, name)).mode & 0o777]).toEqual([name, 0o600]);
    }
  });

  it('lets TLS clients that know the CA’s SHA-256 find it in the chain, and verify every name', async () => {
    const { caPem, caSha256, controllerTls } = await prepareControllerState(stateDir, { hosts: [] });
    const server = createServer({
      cert: readFileSync(controllerTls.certFile),
      key: readFileSync(controllerTls.keyFile),
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const handshake = (servername: string): Promise<TLSSocket> =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port, ca: caPem, servername }, () => {
          resolve(socket);
        });
        socket.once('error', reject);
      });
    const socket = await handshake('longhaul.example');
    const root = socket.getPeerCertificate(true).issuerCertificate;
    expect(createHash('sha256').update(root.raw).digest('hex')).toBe(caSha256);
    socket.destroy();
    (await handshake('localhost')).destroy();
    await expect(handshake('other.example')).rejects.toThrow(/altnames/);
    server.close();
  });

  it('gets a new certificate for a new name and before the old one expires, by the same CA', async () => {
    const old = await prepareControllerState(stateDir, { hosts: [] });
    const serial = (file: string): string => new X509Certificate(readFileSync(file)).serialNumber;
    const oldSerial = serial(old.natsTls.certFile);
    const named = await prepareControllerState(stateDir, { hosts: ['new.example'] });
    expect(named.certificatesChanged).toBe(true);
    expect(serial(named.natsTls.certFile)).not.toBe(oldSerial);
    const nowMs = Date.now();
    const at = async (days: number) => {
      jest.spyOn(Date, 'now').mockReturnValue(nowMs + days * DAY_MS);
      return prepareControllerState(stateDir, { hosts: [] });
    };
    expect((await at(300)).certificatesChanged).toBe(false);
    const renewed = await at(350);
    expect(renewed.certificatesChanged).toBe(true);
    expect(renewed.caSha256).toBe(old.caSha256);
    const certificate = new X509Certificate(readFileSync(renewed.controllerTls.certFile));
    expect(certificate.verify(new X509Certificate(renewed.caPem).publicKey)).toBe(true);
    expect(Date.parse(certificate.validTo)).toBeGreaterThan(nowMs + 700 * DAY_MS);
    // All that anybody asked for, each once.
    const earlier = ['DNS:longhaul.example', 'DNS:new.example', 'IP Address:10.78.0.1'];
    const local = ['DNS:localhost', 'IP Address:0:0:0:0:0:0:0:1', 'IP Address:127.0.0.1'];
    expect(certificate.subjectAltName?.split(', ').sort()).toEqual([...earlier, ...local].sort());
  });

  it('with a CA key that is not the CA’s is refused in words, not replaced', async () => {
    const other = mkdtempSync(join(tmpdir(), 'longhaul-state-'));
    await prepareControllerState(other, { hosts: [] });
    writeFileSync(join(other, 'ca.key'), readFileSync(join(stateDir, 'ca.key')));
    await expect(prepareControllerState(other, { hosts: [] })).rejects.toThrow(/do not belong together/);
    rmSync(other, { recursive: true, force: true });
  });
});
