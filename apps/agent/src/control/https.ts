import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request, type RequestOptions } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { codeOf, messageOf } from '../errors.js';
import { ControlError, ControllerUnreachableError } from './errors.js';
import { API_MAX_RESPONSE_BYTES, API_TIMEOUT_MS, FILE_TIMEOUT_MS } from './params.js';

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

interface PostOptions {
  /** PEM, or undefined for the system's CAs. */
  readonly ca?: string | undefined;
  readonly headers?: Record<string, string>;
  /** Of the whole of it. */
  readonly timeoutMs?: number;
}

/** One POST of a JSON body. */
export async function postJson(url: URL, body: unknown, options: PostOptions = {}): Promise<HttpAnswer> {
  return answerOf(await post(url, body, options));
}

/**
 * One POST of a JSON body that is answered with a file, which goes to `path`; what is not a success is given back instead. Rejects
 * where the file has more than `bytes`.
 */
export async function postForFile(
  url: URL,
  body: unknown,
  { path, bytes, ca }: PostOptions & { readonly path: string; readonly bytes: number },
): Promise<HttpAnswer | undefined> {
  const response = await post(url, body, { ca, timeoutMs: FILE_TIMEOUT_MS });
  if (response.statusCode !== 200) return answerOf(response);
  let length = 0;
  const bounded = async function* (source: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    for await (const chunk of source) {
      length += chunk.length;
      if (length > bytes) throw new Error(`the file has more than the ${bytes} bytes that were announced`);
      yield chunk;
    }
  };
  await pipeline(response, bounded, createWriteStream(path, { mode: 0o600 }));
  return undefined;
}

/** One POST of a file's content, as `application/gzip`. */
export async function postFile(url: URL, path: string, options: PostOptions = {}): Promise<HttpAnswer> {
  const { size } = await stat(path);
  const headers = { ...options.headers, 'content-type': 'application/gzip', 'content-length': size };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const call = request(url, { ...requestOptions({ ...options, timeoutMs: FILE_TIMEOUT_MS }), headers });
    call.on('error', reject);
    call.on('response', resolve);
    // An answer that comes before the end of the file is a refusal.
    pipeline(createReadStream(path), call).catch(() => undefined);
  });
  return answerOf(response);
}

async function answerOf(response: IncomingMessage): Promise<HttpAnswer> {
  const body = await readBody(response);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

function post(url: URL, body: unknown, options: PostOptions): Promise<IncomingMessage> {
  const content = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const call = request(url, {
      ...requestOptions(options),
      headers: {
        ...options.headers,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(content),
      },
    });
    call.on('error', reject);
    call.on('response', resolve);
    call.end(content);
  });
}

function requestOptions({ ca, timeoutMs }: PostOptions): RequestOptions {
  return {
    method: 'POST',
    agent: false,
    signal: AbortSignal.timeout(timeoutMs ?? API_TIMEOUT_MS),
    ...(ca === undefined ? {} : { ca }),
  };
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
