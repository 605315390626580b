import { createHash, createPrivateKey, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { messageOf } from '@longhaul/agent';
import { releaseMessage } from '@longhaul/contracts';
import { Command } from 'commander';
import { CliError } from '../errors.js';
import { operations, type Release } from '../operations.js';
import { formatTable, print, shortTime, type Column, type OutputOptions } from '../output.js';
import { signedIn } from './context.js';

const COLUMNS: readonly Column<Release>[] = [
  { head: 'VERSION', cell: ({ version }) => version },
  { head: 'ADDED', cell: ({ createdAt }) => shortTime(createdAt) },
  { head: 'BY', cell: ({ author }) => author },
  { head: 'MiB', cell: ({ bytes }) => (bytes / 1_048_576).toFixed(1) },
  { head: 'SIGNED', cell: ({ signature }) => (signature === null ? 'no' : 'yes') },
  { head: 'SHA-256', cell: ({ sha256 }) => sha256 },
  { head: 'NOTES', cell: ({ notes }) => notes },
];

/** `longhaul releases …` */
export function releasesCommand(): Command {
  return new Command('releases')
    .description('releases of the agent that the controller has')
    .addCommand(listCommand())
    .addCommand(addCommand())
    .addCommand(signCommand())
    .addCommand(removeCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('the newest first')
    .option('--json', 'print as JSON')
    .action(async (options: OutputOptions) => {
      const releases = await (await signedIn()).all(operations.releases);
      print(releases, options, () => formatTable(releases, COLUMNS));
    });
}

interface AddArguments extends OutputOptions {
  readonly signature?: string;
  readonly notes?: string;
}

function addCommand(): Command {
  return new Command('add')
    .description('gives the controller a release; no agent takes it by that')
    .argument('<version>', 'of the release, as in its file')
    .argument('<file>', 'tar.gz that "npm run pack:agent" made')
    .option('--signature <base64>', 'as "releases sign" prints it; for agents that have a release key')
    .option('--notes <text>', 'what is new, for people')
    .option('--json', 'print as JSON')
    .action(async (version: string, file: string, { json, ...more }: AddArguments) => {
      const added = await (await signedIn()).addRelease({ version, ...more }, file);
      print(added, { json }, ({ sha256 }) => `Release ${version} is there, SHA-256 ${sha256}.`);
    });
}

function signCommand(): Command {
  return new Command('sign')
    .description('signs a release, where the private key is: no controller is asked')
    .argument('<version>', 'of the release, as in its file')
    .argument('<file>', 'tar.gz that "npm run pack:agent" made')
    .requiredOption(
      '--key <file>',
      'Ed25519 private key in PEM, as "openssl genpkey -algorithm ed25519" makes it',
    )
    .action(async (version: string, file: string, { key }: { key: string }) => {
      const sha256 = createHash('sha256')
        .update(await readFile(file))
        .digest('hex');
      process.stdout.write(
        `${signature(await readFile(key, 'utf8'), key, releaseMessage(version, sha256))}\n`,
      );
    });
}

/** @throws CliError for what is no Ed25519 private key */
function signature(pem: string, path: string, message: string): string {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType !== 'ed25519')
      throw new Error(`it is of type ${key.asymmetricKeyType ?? 'unknown'}`);
    return sign(null, Buffer.from(message), key).toString('base64');
  } catch (error) {
    throw new CliError(
      `${path} is no Ed25519 private key (${messageOf(error)}): make one by "openssl genpkey -algorithm ed25519"`,
    );
  }
}

function removeCommand(): Command {
  return new Command('remove')
    .description('takes a release that no agent is to run from the controller')
    .argument('<version>')
    .option('--json', 'print as JSON')
    .action(async (version: string, options: OutputOptions) => {
      const { removeAgentRelease } = await (await signedIn()).call(operations.removeRelease, { version });
      print(removeAgentRelease, options, () => 'It is removed.');
    });
}
