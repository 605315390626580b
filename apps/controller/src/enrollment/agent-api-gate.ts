import type { IncomingMessage, ServerResponse } from 'node:http';
import { MAX_BODY_BYTES } from '@longhaul/contracts';
import { AgentApiError } from './agent-api-error.js';
import { sendError } from './agent-api.filter.js';
import { clientAddress } from '../http/client-address.js';
import { RateLimit, type RateLimitOptions } from './rate-limit.js';

/** Where the gate stands: everything that agents call. */
export const AGENT_API_PREFIX = '/api/v1/agents';

type Next = (error?: unknown) => void;
type WithBody = IncomingMessage & { body?: unknown };

/**
 * Middleware that stands before everything else of the agent API: counts requests per client, then reads the body up to
 * {@link MAX_BODY_BYTES} and not a byte more, then parses it. Has to be in place before the framework's own parsers.
 *
 * @param onTurnedAway is told of each request that came too soon, and from where
 */
export const agentApiGate = (
  limits: RateLimitOptions,
  onTurnedAway: (origin: string | undefined) => void = () => undefined,
): ((request: WithBody, response: ServerResponse, next: Next) => void) => {
  const rateLimit = new RateLimit(limits);
  return (request, response, next) => {
    const origin = clientAddress(request);
    const waitSeconds = rateLimit.take(origin ?? '');
    if (waitSeconds > 0) {
      onTurnedAway(origin);
      response.setHeader('Retry-After', String(waitSeconds));
      refuse(
        request,
        response,
        new AgentApiError('RATE_LIMITED', `Too many requests: wait ${String(waitSeconds)} s.`),
      );
      return;
    }
    readJson(request).then(
      (body) => {
        request.body = body;
        next();
      },
      (error: unknown) => {
        refuse(request, response, error instanceof AgentApiError ? error : badRequest('cannot be read'));
      },
    );
  };
};

const badRequest = (what: string, status?: number): AgentApiError =>
  new AgentApiError('BAD_REQUEST', `The body ${what}.`, status);

/** Answers without reading on: the connection ends with the answer. */
const refuse = (request: IncomingMessage, response: ServerResponse, error: AgentApiError): void => {
  response.setHeader('Connection', 'close');
  request.pause();
  sendError(response, error);
};

const tooLarge = (): AgentApiError => badRequest(`is larger than ${String(MAX_BODY_BYTES)} bytes`, 413);

const readJson = async (request: IncomingMessage): Promise<unknown> => {
  if (request.method === 'GET') return undefined;
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const text = await readCapped(request);
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest('is not JSON');
  }
};

const readCapped = (request: IncomingMessage): Promise<string> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length <= MAX_BODY_BYTES) {
        chunks.push(chunk);
        return;
      }
      request.off('data', onData);
      reject(tooLarge());
    };
    request.on('data', onData);
    request.once('end', () => {
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
    request.once('error', reject);
    request.once('aborted', () => {
      reject(badRequest('was cut short'));
    });
  });
