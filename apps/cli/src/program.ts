import { agentCommand } from '@longhaul/agent';
import { Command } from 'commander';

/** The whole command line. */
export function buildProgram(): Command {
  const program = new Command('longhaul')
    .description('makes TCP fast between sites')
    .version('0.1.0')
    .addCommand(agentCommand());
  throwInsteadOfExit(program);
  return program;
}

/** So that every way out has its own exit code; commands that were made elsewhere inherit nothing. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExit(child);
}
