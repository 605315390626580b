import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openNatsOperator, type NatsOperator } from '../nats/operator.js';
import { CertificateAuthority, type ServerCertificate } from './certificate-authority.js';
import { readOrCreate, writeWhole } from './files.js';
import { natsServerConfig } from './nats-config.js';

/** Names that every installation is reached by from its own machine. */
const LOCAL_HOSTS = ['localhost', '127.0.0.1', '::1'];

export interface PrepareOptions {
  /** Names and addresses by which browsers and agents reach controller and nats-server. */
  readonly hosts: readonly string[];
}

/** What an installation consists of besides its database. */
export interface ControllerState {
  readonly caFile: string;
  readonly caPem: string;
  /** SHA-256 of the CA certificate's DER, lower-case hexadecimal: `--ca-sha256`. */
  readonly caSha256: string;
  /** Certificate chain (leaf, CA) and key of the HTTPS listeners. */
  readonly controllerTls: ServerCertificate;
  readonly natsTls: ServerCertificate;
  readonly natsConfigFile: string;
  readonly nats: NatsOperator;
  /** For cookies, unless the settings give another. */
  readonly sessionSecret: string;
  /** Whether a certificate was made or renewed by this call: listeners have to load it again. */
  readonly certificatesChanged: boolean;
}

/**
 * Makes what is missing below `stateDir` (0700): CA, certificates, NATS operator and accounts, nats-server's
 * configuration, the session secret. Safe to repeat: nothing that exists is replaced, but certificates that are about to
 * expire or lack one of `hosts`.
 */
export const prepareControllerState = async (
  stateDir: string,
  options: PrepareOptions,
): Promise<ControllerState> => {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const hosts = [...new Set([...LOCAL_HOSTS, ...options.hosts])];
  const authority = await CertificateAuthority.open(stateDir);
  const tlsDir = join(stateDir, 'tls');
  const controllerTls = await authority.ensureServerCertificate(tlsDir, 'controller', hosts);
  const natsTls = await authority.ensureServerCertificate(tlsDir, 'nats', hosts);
  const nats = await openNatsOperator(join(stateDir, 'nats'));
  return {
    caFile: join(stateDir, 'ca.crt'),
    caPem: authority.certificatePem,
    caSha256: authority.sha256,
    controllerTls,
    natsTls,
    natsConfigFile: writeNatsConfig(stateDir, nats, natsTls),
    nats,
    sessionSecret: readOrCreate(join(stateDir, 'session.secret'), 0o600, () =>
      randomBytes(32).toString('base64url'),
    ),
    certificatesChanged: controllerTls.renewed || natsTls.renewed,
  };
};

const writeNatsConfig = (stateDir: string, operator: NatsOperator, tls: ServerCertificate): string => {
  const folder = join(stateDir, 'nats');
  const file = join(folder, 'nats-server.conf');
  const config = natsServerConfig({
    operator,
    tls,
    resolverDir: join(folder, 'resolver'),
    storeDir: join(folder, 'jetstream'),
  });
  writeWhole(file, config, 0o600);
  return file;
};
