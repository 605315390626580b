import { hostname, networkInterfaces } from 'node:os';
import { enrollmentTokenSchema, type Credential } from '@longhaul/contracts';
import { AgentApi } from './agent-api.js';
import { saveEnrollment } from './credential-store.js';
import { AgentApiError, ControlError } from './errors.js';
import { parseControllerUrl } from './https.js';
import { loadIdentity } from './identity.js';
import { fetchPinnedCa, parseFingerprint } from './pinned-ca.js';

/** UDP port of the tunnel unless said otherwise. */
export const DEFAULT_TUNNEL_PORT = 4810;
/** As many as the controller takes. */
const MAX_ADDRESSES = 8;

export interface EnrollOptions {
  /** `https://host[:port]` */
  readonly controllerUrl: string;
  /** `lh_enr_…` */
  readonly token: string;
  /** SHA-256 of the controller's CA certificate (DER), hex; without it the system's CAs decide. */
  readonly caSha256?: string | undefined;
  /** Where keys and credential are kept. */
  readonly stateDir: string;
  readonly agentVersion: string;
  /** Addresses at which peers reach this agent, best first; this machine's own unless said. */
  readonly addresses?: readonly string[] | undefined;
  readonly tunnelPort?: number | undefined;
  readonly hostname?: string | undefined;
}

/** What came of an enrolment; nothing in it is secret. */
export interface Enrollment {
  readonly agentId: string;
  readonly organizationId: string;
  readonly siteId: string;
  readonly state: Credential['state'];
  readonly tunnelPublicKey: string;
}

/** Addresses of this machine that another might reach: no loopback, no link-local; IPv4 first. */
export function ownAddresses(): string[] {
  const candidates = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((address) => !address.internal && !address.address.toLowerCase().startsWith('fe80:'))
    .filter((address) => !address.address.startsWith('169.254.'));
  const v4 = candidates.filter(({ family }) => family === 'IPv4');
  const v6 = candidates.filter(({ family }) => family === 'IPv6');
  return [...v4, ...v6].map(({ address }) => address).slice(0, MAX_ADDRESSES);
}

/**
 * Makes this machine an agent of a controller: keys of its own, the controller's CA by its fingerprint, a credential.
 * Doing it again with the same state directory gives the same agent.
 * @throws ControlError with one line that says what to do.
 */
export async function enrollAgent(options: EnrollOptions): Promise<Enrollment> {
  const controllerUrl = parseControllerUrl(options.controllerUrl);
  const token = options.token.trim();
  if (!enrollmentTokenSchema.safeParse(token).success) throw new AgentApiError('TOKEN_MALFORMED', '');
  const addresses = options.addresses ?? ownAddresses();
  if (addresses.length > MAX_ADDRESSES)
    throw new ControlError(`at most ${MAX_ADDRESSES} addresses can be given`);

  const caPem =
    options.caSha256 === undefined
      ? undefined
      : await fetchPinnedCa(controllerUrl, parseFingerprint(options.caSha256));
  const identity = await loadIdentity(options.stateDir);
  const tunnelPort = options.tunnelPort ?? DEFAULT_TUNNEL_PORT;
  const credential = await new AgentApi(controllerUrl, caPem).enroll(identity, {
    token,
    hostname: options.hostname ?? hostname(),
    agentVersion: options.agentVersion,
    addresses,
    tunnelPort,
  });
  await saveEnrollment(options.stateDir, {
    format: 1,
    controllerUrl: controllerUrl.origin,
    controllerCaPem: caPem ?? null,
    credential,
    tunnelPort,
    obtainedAtMs: Date.now(),
  });
  const { agentId, organizationId, siteId, state } = credential;
  return { agentId, organizationId, siteId, state, tunnelPublicKey: identity.tunnelPublicKey };
}
