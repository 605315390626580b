import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { codeOf, messageOf } from '../errors.js';
import { ControlError, ControllerUnreachableError } from './errors.js';
import { API_MAX_RESPONSE_BYTES, API_TIMEOUT_MS } from './params.js';

/** `https://host[:port]` of a controller. */
export function parseControllerUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:') {
    throw new ControlError(
      `"${text}" is not the address of a controller: it looks like https://controller.example:8443`,
    );
  }
  return url;
}

const ADVICE: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there: check the port, and that the controller runs',
  ENOTFOUND: 'the name is not known: check it, and the name service',
  ETIMEDOUT: 'no answer: check the address and the firewall',
  ABORT_ERR: 'no answer in time: check the address and the firewall',
  EHOSTUNREACH: 'no way there: check the address and the routes',
  ENETUNREACH: 'no way there: check the address and the routes',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another name: use one of the names that it was made for',
  CERT_HAS_EXPIRED: 'its certificate has expired: check the clock, or renew the certificate',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: check the clock',
  SELF_SIGNED_CERT_IN_CHAIN:
    'its certificate is from a CA of its own: pass --ca-sha256 as the controller shows it',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate is from a CA of its own: pass --ca-sha256 as the controller shows it',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate is from a CA of its own: pass --ca-sha256 as the controller shows it',
  DEPTH_ZERO_SELF_SIGNED_CERT:
    'its certificate is from nobody known: pass --ca-sha256 as the controller shows it',
};

/** What a failed connection to the controller means, in one line. */
export function unreachable(origin: string, error: unknown): ControllerUnreachableError {
  return new ControllerUnreachableError(
    `cannot reach the controller at ${origin}: ${ADVICE[codeOf(error) ?? ''] ?? messageOf(error)}`,
  );
}

/** An answer of an HTTPS server. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** One POST of a JSON body. `ca`: PEM, or undefined for the system's CAs. */
export function postJson(
  url: URL,
  body: unknown,
  options: { ca?: string | undefined; headers?: Record<string, string>; timeoutMs?: number } = {},
): Promise<HttpAnswer> {
  const content = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const call = request(url, {
      method: 'POST',
      agent: false,
      signal: AbortSignal.timeout(options.timeoutMs ?? API_TIMEOUT_MS),
      headers: {
        ...options.headers,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(content),
      },
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    });
    call.on('error', reject);
    call.on('response', (response) => {
      readBody(response).then(
        (text) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        reject,
      );
    });
    call.end(content);
  });
}

/** The whole body as text; rejects beyond {@link API_MAX_RESPONSE_BYTES}. */
export async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > API_MAX_RESPONSE_BYTES) throw new Error('its answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
