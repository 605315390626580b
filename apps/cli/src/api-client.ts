import { postFile, postJson, unreachable, type HttpAnswer } from '@longhaul/agent';
import { z } from 'zod';
import { CliError, ExitCode } from './errors.js';
import type { Session } from './session.js';

const PATH = '/graphql';
const RELEASES_PATH = '/api/v1/releases';
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

const addedReleaseSchema = z.object({ version: z.string(), sha256: z.string(), bytes: z.number() });
export type AddedRelease = z.infer<typeof addedReleaseSchema>;
const refusalSchema = z.object({ code: z.string(), message: z.string() });

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

/** A page of a list. */
export interface Page<T> {
  readonly nodes: readonly T[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** A list that is read page by page: its variables are `filter` (where it has one), `first` and `after`. */
export type ListOperation<T> = Operation<Page<T>>;

/** Items of one request: as many as the API gives. */
const PAGE_SIZE = 500;

/** The controller's GraphQL API. */
export class ApiClient {
  constructor(private readonly session: Omit<Session, 'credential'> & Partial<Pick<Session, 'credential'>>) {}

  /** @throws CliError, ControllerUnreachableError */
  async call<T>(operation: Operation<T>, variables: Record<string, unknown> = {}): Promise<T> {
    const { data } = await this.callForCookie(operation, variables);
    return data;
  }

  /** Every item of a list, asked for page by page as it is used up. @throws as {@link call} */
  async *each<T>(operation: ListOperation<T>, filter?: object): AsyncGenerator<T> {
    let after: string | null = null;
    do {
      const page: Page<T> = await this.call(operation, { filter, first: PAGE_SIZE, after });
      yield* page.nodes;
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
    } while (after !== null);
  }

  /** The whole of a list, or its first `limit` items. @throws as {@link call} */
  async all<T>(operation: ListOperation<T>, filter?: object, limit = Infinity): Promise<T[]> {
    const items: T[] = [];
    for await (const item of this.each(operation, filter)) {
      if (items.push(item) >= limit) break;
    }
    return items;
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

  /** Sends the file of a release. @throws CliError, ControllerUnreachableError */
  async addRelease(query: Readonly<Record<string, string>>, file: string): Promise<AddedRelease> {
    const { controllerUrl, caPem } = this.session;
    const url = new URL(RELEASES_PATH, controllerUrl);
    url.search = new URLSearchParams(query).toString();
    let answer: HttpAnswer;
    try {
      answer = await postFile(url, file, { ca: caPem ?? undefined, headers: this.headers() });
    } catch (error) {
      throw unreachable(controllerUrl, error);
    }
    const content = parseJson(answer.body);
    const added = addedReleaseSchema.safeParse(content);
    if (added.success) return added.data;
    const refusal = refusalSchema.safeParse(content);
    if (refusal.success) throw toError(refusal.data.message, { code: refusal.data.code });
    throw new CliError(`this is not the API of a controller (HTTP ${answer.status}): check the address`);
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
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
