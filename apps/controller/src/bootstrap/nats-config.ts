import type { ServerCertificate } from './certificate-authority.js';
import type { NatsOperator } from '../nats/operator.js';

/** A desired state with thousands of peers is some megabytes. */
export const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;

export interface NatsConfigInput {
  readonly operator: NatsOperator;
  readonly tls: ServerCertificate;
  readonly resolverDir: string;
  readonly storeDir: string;
}

const quote = (text: string): string => JSON.stringify(text);

/** A nats-server configuration; address and port are given on its command line. */
export const natsServerConfig = ({ operator, tls, resolverDir, storeDir }: NatsConfigInput): string => `\
# Written by Longhaul at every start; changes are lost.
server_name: longhaul
operator: ${quote(operator.operatorJwtFile)}
system_account: ${operator.systemAccount.key}
resolver {
  type: full
  dir: ${quote(resolverDir)}
  allow_delete: false
}
resolver_preload {
  ${operator.systemAccount.key}: ${operator.systemAccount.jwt}
  ${operator.agentsAccount.key}: ${operator.agentsAccount.jwt}
}
jetstream {
  store_dir: ${quote(storeDir)}
  max_memory_store: 64MB
  max_file_store: ${String(operator.agentsAccount.limits.diskBytes)}
}
tls {
  cert_file: ${quote(tls.certFile)}
  key_file: ${quote(tls.keyFile)}
  timeout: 5
}
max_payload: ${String(MAX_PAYLOAD_BYTES)}
max_pending: 64MB
ping_interval: "20s"
ping_max: 2
write_deadline: "10s"
`;
