import { readFile } from 'node:fs/promises';
import { messageOf, parseControllerUrl } from '@longhaul/agent';
import { Command } from 'commander';
import { ApiClient } from '../api-client.js';
import { CliError, ExitCode } from '../errors.js';
import { operations, type Viewer } from '../operations.js';
import { print, type OutputOptions } from '../output.js';
import { readSecret } from '../read-secret.js';
import { openSession, removeSession, saveSession, trustedCa, type Session } from '../session.js';

const PASSWORD_VARIABLE = 'LONGHAUL_PASSWORD';

interface LoginArguments extends OutputOptions {
  readonly controller: string;
  readonly token?: string;
  readonly email?: string;
  readonly passwordFile?: string;
  readonly caSha256?: string;
  readonly caFile?: string;
}

/** `longhaul login` */
export function loginCommand(): Command {
  return new Command('login')
    .description('signs in to a controller, by an API token or as a person')
    .requiredOption('--controller <url>', 'https address of the controller')
    .option('--token <token>', 'API token (lh_api_…); "-" reads it from standard input')
    .option('--email <address>', `e-mail address; the password is asked for, or ${PASSWORD_VARIABLE}`)
    .option('--password-file <file>', 'file that holds the password')
    .option('--ca-sha256 <hex>', "fingerprint of the controller's CA, as the controller shows it")
    .option('--ca-file <file>', "the controller's CA certificate, PEM")
    .option('--json', 'print the result as JSON')
    .action(login);
}

async function login(args: LoginArguments): Promise<void> {
  if ((args.token === undefined) === (args.email === undefined)) {
    throw new CliError('give either --token or --email', ExitCode.usage);
  }
  const controllerUrl = parseControllerUrl(args.controller).origin;
  const place = { controllerUrl, caPem: await trustedCa(controllerUrl, args) };
  const { session, viewer } =
    args.email === undefined
      ? await byToken(place, args.token ?? '')
      : await byPassword(place, args, args.email);
  const path = await saveSession(session, process.env);
  print({ ...viewer, controllerUrl }, args, () => `${describe(viewer)}\nStored in ${path}.`);
}

type Place = Omit<Session, 'credential'>;

async function byToken(place: Place, given: string): Promise<{ session: Session; viewer: Viewer }> {
  const apiToken = given === '-' ? await readSecret('API token: ') : given.trim();
  const session = { ...place, credential: { apiToken } };
  const { viewer } = await new ApiClient(session).call(operations.viewer);
  if (viewer === null) throw new CliError('this API token is not (or no longer) good', ExitCode.access);
  return { session, viewer };
}

async function byPassword(
  place: Place,
  args: LoginArguments,
  email: string,
): Promise<{ session: Session; viewer: Viewer }> {
  const password = await passwordOf(args);
  const { data, cookie } = await new ApiClient(place).callForCookie(operations.signIn, { email, password });
  if (cookie === undefined) throw new CliError('the controller gave no session');
  return { session: { ...place, credential: { cookie } }, viewer: data.signIn };
}

async function passwordOf({ passwordFile, email }: LoginArguments): Promise<string> {
  if (passwordFile === undefined)
    return process.env[PASSWORD_VARIABLE] ?? readSecret(`Password of ${email ?? ''}: `);
  try {
    return (await readFile(passwordFile, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    throw new CliError(`cannot read ${passwordFile}: ${messageOf(error)}`);
  }
}

const describe = ({ email, role, organization }: Viewer): string =>
  `Signed in as ${email} (${role.toLowerCase()} of ${organization.name}).`;

/** `longhaul whoami` */
export function whoamiCommand(): Command {
  return new Command('whoami')
    .description('says who is signed in, and where')
    .option('--json', 'print as JSON')
    .action(async (options: OutputOptions) => {
      const session = await openSession(process.env);
      const { viewer } = await new ApiClient(session).call(operations.viewer);
      if (viewer === null) {
        throw new CliError('the sign-in is over: run "longhaul login" again', ExitCode.access);
      }
      const { controllerUrl } = session;
      print({ ...viewer, controllerUrl }, options, () => `${describe(viewer)}\nController: ${controllerUrl}`);
    });
}

/** `longhaul logout` */
export function logoutCommand(): Command {
  return new Command('logout')
    .description('ends the session and forgets it')
    .option('--json', 'print the result as JSON')
    .action(async ({ json }: OutputOptions) => {
      const session = await openSession(process.env);
      try {
        if ('cookie' in session.credential) await new ApiClient(session).call(operations.signOut);
      } finally {
        await removeSession(process.env);
      }
      if (json === true) print({ signedIn: false }, { json }, () => '');
    });
}
