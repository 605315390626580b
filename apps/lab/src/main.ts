import { Command } from 'commander';
import { benchCommand } from './bench/bench-command.js';
import { fleetCommand } from './fleet/simulator/fleet-command.js';
import { linksCommand } from './commands/links-command.js';
import { measureCommand } from './commands/measure-command.js';
import { reportCommand } from './commands/report-command.js';
import { migrateCommand } from './commands/migrate-command.js';
import { runCommand } from './commands/run-command.js';
import { showcaseCommand } from './showcase/showcase-command.js';

const program = new Command('lab')
  .description('emulated WAN links: what a link does to TCP, and what Longhaul makes of it')
  .addCommand(runCommand())
  .addCommand(measureCommand())
  .addCommand(linksCommand())
  .addCommand(benchCommand())
  .addCommand(reportCommand())
  .addCommand(migrateCommand())
  .addCommand(fleetCommand())
  .addCommand(showcaseCommand())
  .showHelpAfterError();

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`lab: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
