import { createHash, X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { TLSSocket, type DetailedPeerCertificate } from 'node:tls';
import { ControlError, PinMismatchError } from './errors.js';
import { readBody, unreachable } from './https.js';
import { API_TIMEOUT_MS } from './params.js';

/** Where a controller hands out its CA certificate. */
export const CA_PATH = '/api/v1/ca.pem';

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** A SHA-256 as people paste it: hex of either case, with colons, with `sha256:` before it. */
export function parseFingerprint(text: string): string {
  const hex = text
    .trim()
    .replace(/^sha-?256[:/]/i, '')
    .replaceAll(':', '')
    .toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(hex)) {
    throw new ControlError('--ca-sha256 must be 64 hexadecimal digits, as the controller shows it');
  }
  return hex;
}

/** SHA-256 of a certificate's DER, lower-case hex. */
export const certificateFingerprint = (certificate: X509Certificate): string =>
  createHash('sha256').update(certificate.raw).digest('hex');

function presentedChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  const seen = new Set<string>();
  let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (certificate?.raw !== undefined && !seen.has(certificate.fingerprint256)) {
    seen.add(certificate.fingerprint256);
    chain.push(new X509Certificate(certificate.raw));
    certificate = certificate.issuerCertificate;
  }
  return chain;
}

function servedCertificates(body: string): X509Certificate[] {
  return (body.match(PEM_BLOCK) ?? []).flatMap((pem) => {
    try {
      return [new X509Certificate(pem)];
    } catch {
      return [];
    }
  });
}

/** Asks for the CA without believing anybody: the answer is material to compare, nothing more. */
function unverifiedCandidates(controllerUrl: URL): Promise<X509Certificate[]> {
  return new Promise((resolve, reject) => {
    const call = request(new URL(CA_PATH, controllerUrl), {
      agent: false,
      rejectUnauthorized: false,
      signal: AbortSignal.timeout(API_TIMEOUT_MS),
    });
    call.on('error', reject);
    call.on('response', (response) => {
      const chain = response.socket instanceof TLSSocket ? presentedChain(response.socket) : [];
      readBody(response).then(
        (body) => resolve([...chain, ...servedCertificates(body)]),
        () => resolve(chain),
      );
    });
    call.end();
  });
}

/**
 * First contact: takes from the controller the CA whose SHA-256 is `fingerprint`, PEM. The connection is not trusted
 * for anything else, and nothing secret goes over it.
 * @throws PinMismatchError when the controller holds no such CA.
 */
export async function fetchPinnedCa(controllerUrl: URL, fingerprint: string): Promise<string> {
  let candidates: X509Certificate[];
  try {
    candidates = await unverifiedCandidates(controllerUrl);
  } catch (error) {
    throw unreachable(controllerUrl.origin, error);
  }
  const pinned = candidates.find((certificate) => certificateFingerprint(certificate) === fingerprint);
  if (pinned === undefined) {
    throw new PinMismatchError(
      `the controller at ${controllerUrl.origin} does not hold the CA of --ca-sha256: compare it with the one that the controller shows, and check that the address is right; nothing was sent`,
    );
  }
  return pinned.toString();
}
