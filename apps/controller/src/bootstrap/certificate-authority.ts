import 'reflect-metadata';
import { createHash, createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { writeWhole } from './files.js';

/** ECDSA over P-256: what every TLS stack takes. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

const DAY_MS = 86_400_000;
const CA_LIFE_DAYS = 3650;
/** Below the 398 days that browsers accept. */
const SERVER_LIFE_DAYS = 397;
/** A server certificate is renewed when less than this is left. */
const RENEW_WITHIN_DAYS = 60;
/** Certificates begin in the past, so that an agent whose clock is slow can enrol. */
const BACKDATE_MS = DAY_MS;

x509.cryptoProvider.set(webcrypto);

/** Paths of a server's certificate chain (leaf, then CA) and key, PEM. */
export interface ServerCertificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** The controller's own certificate authority: signs the certificates of its HTTPS listeners and of nats-server. */
export class CertificateAuthority {
  private constructor(
    readonly certificatePem: string,
    private readonly keyPem: string,
  ) {}

  /** Loads the CA below `folder`, or makes it on the first call. */
  static async open(folder: string): Promise<CertificateAuthority> {
    const certFile = join(folder, 'ca.crt');
    const keyFile = join(folder, 'ca.key');
    if (!existsSync(certFile)) {
      const made = await createAuthority();
      writeWhole(keyFile, made.key, 0o600);
      writeWhole(certFile, made.certificate, 0o644);
    }
    const authority = new CertificateAuthority(readFileSync(certFile, 'utf8'), readFileSync(keyFile, 'utf8'));
    authority.assertConsistent(folder);
    return authority;
  }

  /** SHA-256 of the certificate's DER in lower-case hexadecimal: what `--ca-sha256` takes. */
  get sha256(): string {
    return createHash('sha256').update(new X509Certificate(this.certificatePem).raw).digest('hex');
  }

  /**
   * Makes `<folder>/<name>.crt` and `.key` unless they are there, signed by this CA, valid for a while yet, and good for
   * all of `hosts` (names and addresses). A new one is good for those of the one before, too: others may have asked for them.
   */
  async ensureServerCertificate(
    folder: string,
    name: string,
    hosts: readonly string[],
  ): Promise<ServerCertificate & { readonly renewed: boolean }> {
    const files = { certFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) };
    if (this.serves(files, hosts)) return { ...files, renewed: false };
    const former = existsSync(files.certFile)
      ? hostsOf(new X509Certificate(readFileSync(files.certFile)))
      : [];
    const { certificate, key } = await this.issue(name, [...new Set([...hosts, ...former])]);
    writeWhole(files.keyFile, key, 0o600);
    writeWhole(files.certFile, certificate + this.certificatePem, 0o644);
    return { ...files, renewed: true };
  }

  private serves({ certFile, keyFile }: ServerCertificate, hosts: readonly string[]): boolean {
    if (!existsSync(certFile) || !existsSync(keyFile)) return false;
    const certificate = new X509Certificate(readFileSync(certFile));
    const leftMs = Date.parse(certificate.validTo) - Date.now();
    return (
      leftMs > RENEW_WITHIN_DAYS * DAY_MS &&
      certificate.verify(new X509Certificate(this.certificatePem).publicKey) &&
      certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile))) &&
      hosts.every((host) => isNamed(certificate, host))
    );
  }

  private async issue(name: string, hosts: readonly string[]): Promise<{ certificate: string; key: string }> {
    const authority = new x509.X509Certificate(this.certificatePem);
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=Longhaul ${name}`,
      issuer: authority.subject,
      ...validity(SERVER_LIFE_DAYS),
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey,
      signingKey: await importKey(this.keyPem),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(
          hosts.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
        ),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
      ],
    });
    return { certificate: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) };
  }

  private assertConsistent(folder: string): void {
    const certificate = new X509Certificate(this.certificatePem);
    if (certificate.checkPrivateKey(createPrivateKey(this.keyPem))) return;
    throw new Error(
      `ca.crt and ca.key in ${folder} do not belong together: restore both from a backup, or remove both to begin anew (every agent then has to enrol again).`,
    );
  }
}

const createAuthority = async (): Promise<{ certificate: string; key: string }> => {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Longhaul CA',
    ...validity(CA_LIFE_DAYS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) };
};

const validity = (days: number): { notBefore: Date; notAfter: Date } => ({
  notBefore: new Date(Date.now() - BACKDATE_MS),
  notAfter: new Date(Date.now() - BACKDATE_MS + days * DAY_MS),
});

const isNamed = (certificate: X509Certificate, host: string): boolean =>
  (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;

/** Every name and address of a certificate. */
const hostsOf = ({ subjectAltName = '' }: X509Certificate): string[] =>
  [...subjectAltName.matchAll(/(?:DNS|IP Address):([^,\s"]+)/g)].map(([, host = '']) =>
    isIP(host) === 6 ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host.toLowerCase(),
  );

const generateKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

const exportKey = async (key: webcrypto.CryptoKey): Promise<string> =>
  `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;

const importKey = (pem: string): Promise<webcrypto.CryptoKey> => {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
};
