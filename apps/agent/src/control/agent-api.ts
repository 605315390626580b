import {
  AGENT_API,
  apiErrorSchema,
  challengeMessage,
  challengeResponseSchema,
  credentialSchema,
  rotationMessage,
  type Credential,
} from '@longhaul/contracts';
import type { z } from 'zod';
import { AgentApiError, ControllerUnreachableError } from './errors.js';
import { postForFile, postJson, unreachable, type HttpAnswer } from './https.js';
import { signWithNkey, type AgentIdentity } from './identity.js';

/** What an enrolling agent says of itself besides its keys. */
export interface EnrollmentFacts {
  readonly token: string;
  readonly hostname: string;
  readonly agentVersion: string;
  readonly addresses: readonly string[];
  readonly tunnelPort: number;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The agent-facing HTTPS API of a controller. */
export class AgentApi {
  constructor(
    private readonly controllerUrl: URL,
    /** PEM of the CA to trust, or undefined for the system's. */
    private readonly caPem: string | undefined,
  ) {}

  /**
   * Enrols, or enrols again with the same keys.
   * @throws AgentApiError, ControllerUnreachableError
   */
  async enroll(identity: AgentIdentity, facts: EnrollmentFacts): Promise<Credential> {
    const proof = await this.prove('enroll', identity);
    return this.post(AGENT_API.enroll, credentialSchema, {
      ...facts,
      ...proof,
      tunnelPublicKey: identity.tunnelPublicKey,
    });
  }

  /**
   * A fresh credential for an enrolled agent, also when its last one has expired.
   * @throws AgentApiError, ControllerUnreachableError
   */
  async renew(identity: AgentIdentity): Promise<Credential> {
    return this.post(AGENT_API.renew, credentialSchema, await this.prove('renew', identity));
  }

  /**
   * Announces new keys; both identities sign. Gives the credential of the new one.
   * @throws AgentApiError, ControllerUnreachableError
   */
  async rotate(identity: AgentIdentity, next: AgentIdentity): Promise<Credential> {
    const { natsPublicKey } = identity;
    const { challenge } = await this.post(AGENT_API.challenge, challengeResponseSchema, { natsPublicKey });
    const message = rotationMessage(challenge, next);
    return this.post(AGENT_API.rotate, credentialSchema, {
      natsPublicKey,
      challenge,
      signature: signWithNkey(identity, message),
      next: {
        natsPublicKey: next.natsPublicKey,
        tunnelPublicKey: next.tunnelPublicKey,
        signature: signWithNkey(next, message),
      },
    });
  }

  /**
   * Fetches the file of a release to `path`.
   * @param expected bytes that the file has; more are not taken
   * @throws AgentApiError, ControllerUnreachableError
   */
  async release(
    identity: AgentIdentity,
    { sha256, bytes }: { readonly sha256: string; readonly bytes: number },
    path: string,
  ): Promise<void> {
    const url = new URL(AGENT_API.release, this.controllerUrl);
    const request = { ...(await this.prove('release', identity)), sha256 };
    let answer: HttpAnswer | undefined;
    try {
      answer = await postForFile(url, request, { ca: this.caPem, path, bytes });
    } catch (error) {
      throw unreachable(url.origin, error);
    }
    if (answer !== undefined) throw refusalOf(url, answer);
  }

  private async prove(purpose: 'enroll' | 'renew' | 'release', identity: AgentIdentity) {
    const { natsPublicKey } = identity;
    const { challenge } = await this.post(AGENT_API.challenge, challengeResponseSchema, { natsPublicKey });
    const signature = signWithNkey(identity, challengeMessage(purpose, challenge));
    return { natsPublicKey, challenge, signature };
  }

  private async post<T>(path: string, schema: z.ZodType<T>, body: unknown): Promise<T> {
    const url = new URL(path, this.controllerUrl);
    let answer: HttpAnswer;
    try {
      answer = await postJson(url, body, { ca: this.caPem });
    } catch (error) {
      throw unreachable(url.origin, error);
    }
    const content = parseJson(answer.body);
    if (answer.status >= 200 && answer.status < 300) {
      const parsed = schema.safeParse(content);
      if (parsed.success) return parsed.data;
    }
    throw refusalOf(url, answer);
  }
}

function refusalOf(url: URL, answer: HttpAnswer): AgentApiError | ControllerUnreachableError {
  const refusal = apiErrorSchema.safeParse(parseJson(answer.body));
  if (refusal.success) return new AgentApiError(refusal.data.code, refusal.data.message);
  return new ControllerUnreachableError(
    `${url.origin} did not answer as a controller of this version does (HTTP ${answer.status}): check the address`,
  );
}
