import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  AGENT_API,
  challengeMessage,
  challengeRequestSchema,
  enrollRequestSchema,
  releaseRequestSchema,
  renewRequestSchema,
  rotateRequestSchema,
  rotationMessage,
  type ApiError,
  type Credential,
  type ReleaseRequest,
  type RotateRequest,
} from '@longhaul/contracts';
import { fromPublic } from '@nats-io/nkeys';
import type { TestCa } from './certificates.js';
import type { TestNats } from './test-nats.js';

interface Agent {
  readonly agentId: string;
  readonly organizationId: string;
  readonly siteId: string;
  state: Credential['state'] | 'revoked';
}

class Refusal extends Error {
  constructor(readonly code: ApiError['code']) {
    super(`said by the controller: ${code}`);
  }
}

/** An enrolment token of the right form. */
export const someToken = (): string =>
  `lh_enr_${randomBytes(6).toString('hex')}_${randomBytes(32).toString('base64url')}`;

/**
 * The agent-facing API with what is behind it in memory, speaking the contract over TLS. Signatures and challenges are
 * checked for real; the rules of tokens are not the subject here, so a token stands for the answer that it gets.
 */
export class TestController {
  readonly requests: { path: string; body: string }[] = [];
  readonly agents = new Map<string, Agent>();
  /** What a token gets instead of a credential. */
  readonly refusals = new Map<string, ApiError['code']>();
  /** Tokens whose agents wait for approval. */
  readonly needsApproval = new Set<string>();
  /** Stays valid after {@link stop}. */
  port = 0;
  jwtLifeSeconds = 3600;
  serveCaPem = true;
  /** Files of releases, by their hash. */
  readonly releases = new Map<string, Buffer>();
  private readonly challenges = new Map<string, string>();

  private constructor(
    private readonly server: Server,
    private readonly ca: TestCa,
    private readonly nats: TestNats | undefined,
  ) {}

  /** `chain`: whether the server presents its CA's certificate behind its own. */
  static async start(
    ca: TestCa,
    nats?: TestNats,
    options: { chain?: boolean; hosts?: readonly string[]; port?: number } = {},
  ): Promise<TestController> {
    const { cert, key } = await ca.issue(options.hosts ?? ['127.0.0.1', 'localhost']);
    const server = createServer({ key, cert: (options.chain ?? true) ? cert + ca.pem : cert });
    const controller = new TestController(server, ca, nats);
    server.on('request', (request, response) => void controller.handle(request, response));
    await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
    controller.port = (server.address() as AddressInfo).port;
    return controller;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  approve(natsPublicKey: string): void {
    this.setState(natsPublicKey, 'approved');
  }

  /** Revokes an agent. */
  exclude(natsPublicKey: string): void {
    this.setState(natsPublicKey, 'revoked');
  }

  private setState(natsPublicKey: string, state: Agent['state']): void {
    const agent = this.agents.get(natsPublicKey);
    if (agent === undefined) throw new Error('there is no such agent');
    agent.state = state;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const path = request.url ?? '';
    this.requests.push({ path, body });
    if (path === '/api/v1/ca.pem') {
      response.writeHead(this.serveCaPem ? 200 : 404).end(this.serveCaPem ? this.ca.pem : '');
      return;
    }
    try {
      if (path === AGENT_API.release) {
        response.writeHead(200).end(this.release(releaseRequestSchema.parse(JSON.parse(body))));
        return;
      }
      const answer = await this.answer(path, JSON.parse(body));
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    } catch (error) {
      const code = error instanceof Refusal ? error.code : 'INTERNAL';
      response.writeHead(400).end(JSON.stringify({ code, message: String(error) }));
    }
  }

  private async answer(path: string, body: unknown): Promise<unknown> {
    if (path === AGENT_API.challenge) return this.challenge(challengeRequestSchema.parse(body).natsPublicKey);
    if (path === AGENT_API.enroll) {
      const request = enrollRequestSchema.parse(body);
      this.verify('enroll', request);
      const refusal = this.refusals.get(request.token);
      if (refusal !== undefined) throw new Refusal(refusal);
      return this.credential(request.natsPublicKey, this.admit(request.natsPublicKey, request.token));
    }
    if (path === AGENT_API.rotate) return this.rotate(rotateRequestSchema.parse(body));
    const request = renewRequestSchema.parse(body);
    this.verify('renew', request);
    const agent = this.agents.get(request.natsPublicKey);
    if (agent === undefined) throw new Refusal('AGENT_UNKNOWN');
    return this.credential(request.natsPublicKey, agent);
  }

  /** The new key is the agent's from now on, besides the old one. */
  private async rotate({ natsPublicKey, challenge, signature, next }: RotateRequest): Promise<Credential> {
    const agent = this.agents.get(natsPublicKey);
    if (agent === undefined) throw new Refusal('AGENT_UNKNOWN');
    const message = Buffer.from(rotationMessage(challenge, next));
    for (const [key, proof] of [
      [natsPublicKey, signature],
      [next.natsPublicKey, next.signature],
    ] as const) {
      if (!fromPublic(key).verify(message, Buffer.from(proof, 'base64')))
        throw new Refusal('SIGNATURE_INVALID');
    }
    this.agents.set(next.natsPublicKey, agent);
    return this.credential(next.natsPublicKey, agent);
  }

  private release(request: ReleaseRequest): Buffer {
    this.verify('release', request);
    const file = this.releases.get(request.sha256);
    if (file === undefined) throw new Refusal('RELEASE_UNKNOWN');
    return file;
  }

  private challenge(natsPublicKey: string) {
    const challenge = randomBytes(32).toString('base64url');
    this.challenges.set(challenge, natsPublicKey);
    return { challenge, expiresAt: new Date(Date.now() + 60_000).toISOString() };
  }

  private verify(
    purpose: 'enroll' | 'renew' | 'release',
    request: { natsPublicKey: string; challenge: string; signature: string },
  ): void {
    const { natsPublicKey, challenge, signature } = request;
    if (this.challenges.get(challenge) !== natsPublicKey) throw new Refusal('CHALLENGE_INVALID');
    this.challenges.delete(challenge);
    const message = Buffer.from(challengeMessage(purpose, challenge));
    if (!fromPublic(natsPublicKey).verify(message, Buffer.from(signature, 'base64'))) {
      throw new Refusal('SIGNATURE_INVALID');
    }
  }

  private admit(natsPublicKey: string, token: string): Agent {
    const agent = this.agents.get(natsPublicKey) ?? {
      agentId: randomUUID(),
      organizationId: randomUUID(),
      siteId: randomUUID(),
      state: this.needsApproval.has(token) ? ('pending' as const) : ('approved' as const),
    };
    this.agents.set(natsPublicKey, agent);
    return agent;
  }

  private async credential(natsPublicKey: string, agent: Agent): Promise<Credential> {
    const { agentId, organizationId, siteId, state } = agent;
    if (state === 'revoked') throw new Refusal('AGENT_REVOKED');
    const natsJwt =
      state === 'pending'
        ? await this.nats?.pendingJwt(organizationId, agentId, natsPublicKey)
        : await this.nats?.agentJwt(organizationId, agentId, natsPublicKey, this.jwtLifeSeconds);
    return {
      agentId,
      organizationId,
      siteId,
      state,
      natsUrls: this.nats?.urls ?? ['tls://127.0.0.1:1'],
      natsJwt: natsJwt ?? 'none',
      natsJwtExpiresAt: new Date(Date.now() + this.jwtLifeSeconds * 1000).toISOString(),
      caPem: this.ca.pem,
    };
  }
}
