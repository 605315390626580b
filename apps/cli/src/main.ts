import { AgentError, ControllerUnreachableError, messageOf } from '@longhaul/agent';
import { CommanderError } from 'commander';
import { CliError, ExitCode } from './errors.js';
import { buildProgram } from './program.js';

/** A reader that went away, as `head` does, is no fault. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ExitCode.usage;
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof ControllerUnreachableError) return ExitCode.unreachable;
  return ExitCode.failed;
}

try {
  await buildProgram().parseAsync();
} catch (error) {
  // Commander has said its own already.
  if (!(error instanceof CommanderError)) {
    const unforeseen = !(error instanceof AgentError) && error instanceof Error;
    process.stderr.write(`longhaul: ${messageOf(error)}\n`);
    if (unforeseen && process.env['LONGHAUL_DEBUG'] !== undefined)
      process.stderr.write(`${error.stack ?? ''}\n`);
  }
  process.exit(exitCodeOf(error));
}
