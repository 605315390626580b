import { randomBytes } from 'node:crypto';
import { request, type RequestOptions } from 'node:https';
import {
  AGENT_API,
  challengeMessage,
  credentialSchema,
  desiredStateDirectGet,
  desiredStateSchema,
  subjects,
  type Credential,
  type DesiredState,
} from '@longhaul/contracts';
import { connect, jwtAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { createSeed, SigningKey } from '@longhaul/contracts/nkey';

export interface HttpAnswer {
  readonly status: number | undefined;
  readonly headers: Record<string, unknown>;
  readonly text: string;
}

/** `data` of an answer, loosely typed: each test knows what it asked for. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Data = any;

/** An agent's credential, and its nkey. */
export interface EnrolledAgent {
  readonly credential: Credential;
  readonly seed: string;
}

/** Speaks to a controller over TLS; trusts the controller's CA and nobody else. */
export class ControllerClient {
  /** @param agent false: each request has a connection of its own, as long as it lasts */
  constructor(
    private readonly port: number,
    private readonly caPem: string,
    private readonly agent?: false,
  ) {}

  ask(path: string, options: RequestOptions = {}, body?: unknown): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', ...options.headers };
      const sent = request(
        { host: '127.0.0.1', port: this.port, ca: this.caPem, agent: this.agent, path, ...options, headers },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({ status: response.statusCode, headers: response.headers, text });
          });
        },
      );
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  async post(path: string, body: unknown): Promise<Record<string, string>> {
    return JSON.parse((await this.ask(path, { method: 'POST' }, body)).text) as Record<string, string>;
  }

  /** @throws Error with the errors of the answer */
  async graphql(
    cookie: string,
    query: string,
    variables: object = {},
  ): Promise<{ data: Data; cookie: string }> {
    const answer = await this.ask('/graphql', { method: 'POST', headers: { cookie } }, { query, variables });
    const { data, errors } = JSON.parse(answer.text) as { data: unknown; errors?: unknown };
    if (errors !== undefined) throw new Error(JSON.stringify(errors));
    return { data, cookie: String(answer.headers['set-cookie'] ?? '').split(';')[0] ?? '' };
  }

  /** Signs the first owner in. @returns the session's cookie, and the organization */
  async signIn(password: string): Promise<{ cookie: string; organizationId: string }> {
    const mutation = `mutation ($password: String!) {
      signIn(email: "admin@longhaul.local", password: $password) { organization { id } } }`;
    const { data, cookie } = await this.graphql('', mutation, { password });
    return { cookie, organizationId: data.signIn.organization.id as string };
  }

  /** Makes a site and enrols an agent there with a new token. */
  async enrollAt(
    cookie: string,
    name: string,
    lanPrefixes: string[],
  ): Promise<EnrolledAgent & { command: string }> {
    const site = await this.graphql(
      cookie,
      'mutation ($input: SiteInput!) { createSite(input: $input) { id } }',
      { input: { name, lanPrefixes } },
    );
    const { data } = await this.graphql(
      cookie,
      'mutation ($input: EnrollmentTokenInput!) { createEnrollmentToken(input: $input) { token command } }',
      { input: { name, siteId: site.data.createSite.id } },
    );
    const { token, command } = data.createEnrollmentToken as { token: string; command: string };
    return { ...(await this.enroll(token)), command };
  }

  async enroll(token: string): Promise<EnrolledAgent> {
    const seed = createSeed('user');
    const answer = await this.post(AGENT_API.enroll, {
      token,
      ...(await this.proof('enroll', seed)),
      tunnelPublicKey: randomBytes(32).toString('base64'),
      hostname: 'edge',
      agentVersion: '0.1.0',
      addresses: [],
      tunnelPort: 4500,
    });
    return { credential: credentialSchema.parse(answer), seed };
  }

  /** A fresh credential for a key that is known. */
  async renew(seed: string): Promise<Credential> {
    return credentialSchema.parse(await this.post(AGENT_API.renew, await this.proof('renew', seed)));
  }

  private async proof(purpose: 'enroll' | 'renew', seed: string): Promise<Record<string, string>> {
    const key = new SigningKey(seed);
    const natsPublicKey = key.publicKey;
    const { challenge = '' } = await this.post(AGENT_API.challenge, { natsPublicKey });
    const signature = Buffer.from(key.sign(Buffer.from(challengeMessage(purpose, challenge)))).toString(
      'base64',
    );
    return { natsPublicKey, challenge, signature };
  }
}

/** Connects to NATS as the agent. */
export const connectAs = (
  { credential, seed }: EnrolledAgent,
  options: { readonly reconnect?: boolean } = {},
): Promise<NatsConnection> =>
  connect({
    servers: credential.natsUrls,
    authenticator: jwtAuthenticator(credential.natsJwt, new TextEncoder().encode(seed)),
    tls: { ca: credential.caPem },
    inboxPrefix: subjects.inboxPrefix(credential.agentId),
    reconnect: options.reconnect ?? false,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    ignoreAuthErrorAbort: true,
  });

/** The agent's desired state, as it is in NATS. */
export const readStateAs = async (
  agent: NatsConnection,
  { organizationId, agentId }: Credential,
): Promise<DesiredState> =>
  desiredStateSchema.parse((await agent.request(desiredStateDirectGet(organizationId, agentId))).json());
