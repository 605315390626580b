import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { signatureHeaders } from '../webhooks/signature.js';
import type { AttemptResult } from './attempt.js';
import { ForbiddenTargetError, parseTarget, resolveTarget, type TargetRules } from './target-address.js';

/** From the look-up of the name to the end of the answer, in milliseconds. */
export const WEBHOOK_TIMEOUT_MS = 10_000;
/** Of an answer, so much is read and kept. */
export const MAX_RESPONSE_BYTES = 1024;
/** "Do not send any more": Standard Webhooks, as RFC 9110 has it. */
const GONE = 410;

/** A message, and where it goes. */
export interface WebhookMessage {
  readonly url: string;
  /** The same in every attempt. */
  readonly id: string;
  readonly body: string;
  /** Those that are good now: one, or two while they are changed. */
  readonly secrets: readonly string[];
}

export interface WebhookOptions extends TargetRules {
  readonly timeoutMs?: number;
}

/**
 * Posts a message once. Any 2xx is a success; redirects are not followed, so that a checked target cannot send us elsewhere.
 * Never rejects.
 */
export const sendWebhook = async (
  message: WebhookMessage,
  { timeoutMs = WEBHOOK_TIMEOUT_MS, ...rules }: WebhookOptions,
): Promise<AttemptResult> => {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    return await beforeAborted(post(message, rules, timeout), timeout);
  } catch (error) {
    const reason = timeout.aborted
      ? `no whole answer within ${String(timeoutMs / 1000)} s`
      : messageOf(error);
    return { status: null, response: null, error: reason, isFinal: error instanceof ForbiddenTargetError };
  }
};

const post = async (
  message: WebhookMessage,
  rules: TargetRules,
  signal: AbortSignal,
): Promise<AttemptResult> => {
  const url = parseTarget(message.url, rules);
  const target = await resolveTarget(url, rules);
  signal.throwIfAborted();
  const { body, id, secrets } = message;
  const options: RequestOptions = {
    method: 'POST',
    agent: false,
    signal,
    // To the address that was checked, and to no other.
    lookup: ((_host, { all }, done) => {
      if (all === true) done(null, [target]);
      else done(null, target.address, target.family);
    }) satisfies LookupFunction,
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'Longhaul-Webhooks/1',
      ...signatureHeaders({ id, timestamp: Math.floor(Date.now() / 1000), body }, secrets),
    },
  };
  const answer = await send(url, options, body);
  const status = answer.statusCode ?? 0;
  const response = await readCut(answer);
  return { status, response, error: faultOf(status), isFinal: status === GONE };
};

const send = (url: URL, options: RequestOptions, body: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options, resolve);
    request.on('error', reject);
    // Without this listener Node would hang up and tell of no error.
    request.on('upgrade', (_answer, socket) => {
      socket.destroy();
      reject(new Error('answered 101: the protocol is not changed, answer with 2xx'));
    });
    request.on('close', () => {
      reject(new Error('the connection was closed without an answer'));
    });
    request.end(body);
  });

/** The beginning of an answer as text; the rest is not waited for. */
const readCut = (answer: IncomingMessage): Promise<string> =>
  new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    const finish = (): void => {
      const text = Buffer.concat(parts).subarray(0, MAX_RESPONSE_BYTES).toString('utf8');
      resolve(text.replaceAll('\0', ''));
      answer.destroy();
    };
    answer.on('data', (part: Buffer) => {
      parts.push(part);
      length += part.length;
      if (length >= MAX_RESPONSE_BYTES) finish();
    });
    answer.on('end', finish);
    answer.on('error', reject);
    answer.on('aborted', () => {
      reject(new Error('the answer was cut short'));
    });
  });

const faultOf = (status: number): string | null => {
  if (status >= 200 && status < 300) return null;
  if (status >= 300 && status < 400)
    return `answered ${String(status)}: redirects are not followed, give the last URL`;
  return `answered ${String(status)}`;
};

const beforeAborted = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> =>
  Promise.race([
    work,
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        reject(new Error('it took too long'));
      });
    }),
  ]);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
