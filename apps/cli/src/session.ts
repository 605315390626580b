import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { codeOf, fetchPinnedCa, messageOf, parseControllerUrl, parseFingerprint } from '@longhaul/agent';
import { z } from 'zod';
import { CliError, ExitCode } from './errors.js';

/** Environment of pipelines: nothing is stored, nobody signs in. */
const VARIABLES = {
  controller: 'LONGHAUL_CONTROLLER',
  token: 'LONGHAUL_API_TOKEN',
  caFile: 'LONGHAUL_CA_FILE',
  caSha256: 'LONGHAUL_CA_SHA256',
} as const;

const sessionSchema = z.object({
  controllerUrl: z.string(),
  /** PEM; null: the system's CAs. */
  caPem: z.string().nullable(),
  credential: z.union([z.object({ apiToken: z.string() }), z.object({ cookie: z.string() })]),
});

/** Where to ask, and who asks. */
export type Session = z.infer<typeof sessionSchema>;

type Environment = Readonly<Record<string, string | undefined>>;

/** `$XDG_CONFIG_HOME/longhaul/session.json`, which is below ~/.config unless that is set. */
export function sessionPath(environment: Environment): string {
  const base = environment['XDG_CONFIG_HOME'];
  return join(
    base === undefined || base === '' ? join(homedir(), '.config') : base,
    'longhaul',
    'session.json',
  );
}

/** The CA to trust: pinned by its SHA-256, from a file, or null for the system's. */
export async function trustedCa(
  controllerUrl: string,
  source: { caSha256?: string | undefined; caFile?: string | undefined },
): Promise<string | null> {
  if (source.caSha256 !== undefined) {
    return fetchPinnedCa(parseControllerUrl(controllerUrl), parseFingerprint(source.caSha256));
  }
  if (source.caFile === undefined) return null;
  try {
    return await readFile(source.caFile, 'utf8');
  } catch (error) {
    throw new CliError(`cannot read ${source.caFile}: ${messageOf(error)}`);
  }
}

/** The session of the environment, or the stored one. @throws CliError when there is neither */
export async function openSession(environment: Environment): Promise<Session> {
  return (await sessionOfEnvironment(environment)) ?? (await storedSession(environment));
}

async function sessionOfEnvironment(environment: Environment): Promise<Session | undefined> {
  const apiToken = environment[VARIABLES.token];
  const controllerUrl = environment[VARIABLES.controller];
  if (apiToken === undefined || apiToken === '') return undefined;
  if (controllerUrl === undefined || controllerUrl === '') {
    throw new CliError(`${VARIABLES.token} is set but ${VARIABLES.controller} is not`, ExitCode.access);
  }
  const caPem = await trustedCa(controllerUrl, {
    caSha256: environment[VARIABLES.caSha256],
    caFile: environment[VARIABLES.caFile],
  });
  return { controllerUrl: parseControllerUrl(controllerUrl).origin, caPem, credential: { apiToken } };
}

async function storedSession(environment: Environment): Promise<Session> {
  const path = sessionPath(environment);
  try {
    return sessionSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      throw new CliError(
        `not signed in: run "longhaul login", or set ${VARIABLES.controller} and ${VARIABLES.token}`,
        ExitCode.access,
      );
    }
    throw new CliError(`${path} cannot be used: sign in again by "longhaul login"`, ExitCode.access);
  }
}

/** Stores a session that only its owner may read. */
export async function saveSession(session: Session, environment: Environment): Promise<string> {
  const path = sessionPath(environment);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify(session, null, 2)}\n`, { mode: 0o600 });
  await chmod(temporary, 0o600);
  await rename(temporary, path);
  return path;
}

/** Forgets the stored session. */
export async function removeSession(environment: Environment): Promise<void> {
  await rm(sessionPath(environment), { force: true });
}
