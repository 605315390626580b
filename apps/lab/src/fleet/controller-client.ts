import { request } from 'node:https';
import { z } from 'zod';

const REQUEST_TIMEOUT_MS = 20_000;

const responseSchema = z.object({
  data: z.unknown().optional(),
  errors: z.array(z.object({ message: z.string() })).optional(),
});

/** The form of a page of a list. */
export const pageOf = <T>(item: z.ZodType<T>) => z.object({ nodes: z.array(item) });

interface Answer {
  readonly status: number;
  readonly cookies: readonly string[];
  readonly body: string;
}

/** The controller refused a request; the message is the controller's own. */
export class ControllerRefusal extends Error {}

/** A person's session with a controller, over GraphQL. */
export class ControllerClient {
  private cookie = '';

  /**
   * @param caPem the controller's own CA: no other certificate is accepted
   * @param requestTimeoutMs an answer that takes longer is none
   */
  constructor(
    readonly url: string,
    private readonly caPem: string,
    private readonly requestTimeoutMs = REQUEST_TIMEOUT_MS,
  ) {}

  /** Header that carries the session, for WebSockets. */
  get sessionCookie(): string {
    return this.cookie;
  }

  async signIn(email: string, password: string): Promise<void> {
    const document =
      'mutation ($email: String!, $password: String!) { signIn(email: $email, password: $password) { id } }';
    await this.query(document, { email, password }, z.object({ signIn: z.object({ id: z.string() }) }));
  }

  /** @throws ControllerRefusal with the first error's message; Error when the answer is not GraphQL */
  async query<T>(query: string, variables: object, schema: z.ZodType<T>): Promise<T> {
    const answer = await this.post(JSON.stringify({ query, variables }));
    if (answer.cookies.length > 0) {
      this.cookie = answer.cookies.map((cookie) => cookie.split(';')[0]).join('; ');
    }
    const { data, errors } = responseSchema.parse(JSON.parse(answer.body));
    if (errors !== undefined && errors.length > 0) throw new ControllerRefusal(errors[0].message);
    return schema.parse(data);
  }

  private post(body: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        new URL('/graphql', this.url),
        {
          method: 'POST',
          agent: false, // a kept connection may be closed by a controller that restarts
          ca: this.caPem,
          timeout: this.requestTimeoutMs,
          headers: { 'content-type': 'application/json', cookie: this.cookie, origin: this.url },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (part: string) => (text += part));
          response.on('error', reject);
          response.on('end', () => {
            const cookies = response.headers['set-cookie'] ?? [];
            resolve({ status: response.statusCode ?? 0, cookies, body: text });
          });
        },
      );
      outgoing.on('timeout', () => outgoing.destroy(new Error(`${this.url} does not answer`)));
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}
