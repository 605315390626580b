import { postJson, unreachable, type HttpAnswer } from '@longhaul/agent';
import { z } from 'zod';
import { CliError, ExitCode } from './errors.js';
import type { Session } from './session.js';

const PATH = '/graphql';
const TIMEOUT_MS = 30_000;
export const SESSION_COOKIE = '__Host-longhaul';

const problemSchema = z.object({ path: z.string(), message: z.string() });

const extensionsSchema = z.object({
  code: z.string().optional(),
  problems: z.array(problemSchema).optional(),
});

const answerSchema = z.object({
  data: z.unknown(),
  errors: z.array(z.object({ message: z.string(), extensions: extensionsSchema.optional() })).optional(),
});

const EXIT_CODES: Readonly<Record<string, number>> = {
  UNAUTHENTICATED: ExitCode.access,
  FORBIDDEN: ExitCode.access,
  NOT_FOUND: ExitCode.notFound,
  CONFLICT: ExitCode.conflict,
};

/** Printable text in one line: what a server says must not steer a terminal. */
const printable = (text: string): string => text.replace(/[\p{Cc}\s]+/gu, ' ').trim();

/** A query and its answer's form. */
export interface Operation<T> {
  readonly document: string;
  readonly result: z.ZodType<T>;
}

/** The controller's GraphQL API. */
export class ApiClient {
  constructor(private readonly session: Omit<Session, 'credential'> & Partial<Pick<Session, 'credential'>>) {}

  /** @throws CliError, ControllerUnreachableError */
  async call<T>(operation: Operation<T>, variables: Record<string, unknown> = {}): Promise<T> {
    const { data } = await this.callForCookie(operation, variables);
    return data;
  }

  /** Also gives the session cookie that the answer set, if it did. */
  async callForCookie<T>(
    { document, result }: Operation<T>,
    variables: Record<string, unknown>,
  ): Promise<{ data: T; cookie: string | undefined }> {
    const answer = await this.post({ query: document, variables });
    const { data, errors } = parseAnswer(answer);
    const [first] = errors ?? [];
    if (first !== undefined) throw toError(first.message, first.extensions ?? {});
    const parsed = result.safeParse(data);
    if (!parsed.success) throw new CliError('the controller answers as one of another version does');
    return { data: parsed.data, cookie: sessionCookie(answer) };
  }

  private async post(body: unknown): Promise<HttpAnswer> {
    const { controllerUrl, caPem } = this.session;
    try {
      return await postJson(new URL(PATH, controllerUrl), body, {
        ca: caPem ?? undefined,
        headers: this.headers(),
        timeoutMs: TIMEOUT_MS,
      });
    } catch (error) {
      throw unreachable(controllerUrl, error);
    }
  }

  private headers(): Record<string, string> {
    const { credential } = this.session;
    if (credential === undefined) return {};
    if ('apiToken' in credential) return { authorization: `Bearer ${credential.apiToken}` };
    return { cookie: `${SESSION_COOKIE}=${credential.cookie}` };
  }
}

function parseAnswer({ body, status }: HttpAnswer): z.infer<typeof answerSchema> {
  try {
    return answerSchema.parse(JSON.parse(body));
  } catch {
    throw new CliError(`this is not the API of a controller (HTTP ${status}): check the address`);
  }
}

function toError(message: string, { code = '', problems = [] }: z.infer<typeof extensionsSchema>): CliError {
  const advice = code === 'UNAUTHENTICATED' ? ' (sign in by "longhaul login")' : '';
  return new CliError(
    `${printable(message)}${advice}`,
    EXIT_CODES[code] ?? ExitCode.failed,
    problems.map(({ path, message: what }) => ({ path, message: printable(what) })),
  );
}

function sessionCookie({ headers }: HttpAnswer): string | undefined {
  const lines = [headers['set-cookie'] ?? []].flat();
  const line = lines.find((each) => each.startsWith(`${SESSION_COOKIE}=`));
  return line?.slice(SESSION_COOKIE.length + 1).split(';')[0];
}
