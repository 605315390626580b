import { agentCommand } from '@longhaul/agent';
import { Command } from 'commander';

/** Runs `longhaul` with the arguments of a process. Failures are one line on standard error and exit code 1. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('longhaul')
    .description('makes TCP fast between sites')
    .addCommand(agentCommand())
    .showHelpAfterError();
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.stderr.write(`longhaul: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
