import { AGENT_VERSION, agentCommand } from '@longhaul/agent';
import { Command } from 'commander';
import { alertRulesCommand } from './commands/alert-rules.js';
import { alertsCommand } from './commands/alerts.js';
import { agentsCommand } from './commands/agents.js';
import { apiTokensCommand } from './commands/api-tokens.js';
import { auditCommand } from './commands/audit.js';
import { loginCommand, logoutCommand, whoamiCommand } from './commands/login.js';
import { policyCommand } from './commands/policy.js';
import { releasesCommand } from './commands/releases.js';
import { sitesCommand } from './commands/sites.js';
import { tokensCommand } from './commands/tokens.js';
import { upgradesCommand } from './commands/upgrades.js';
import { webhooksCommand } from './commands/webhooks.js';

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 "policy plan" found changes, 3 not signed in or not allowed, 4 no such thing,
5 somebody else changed it meanwhile, 6 the controller cannot be reached, 64 wrong usage.`;

/** The whole command line. */
export function buildProgram(): Command {
  const program = new Command('longhaul')
    .description('makes TCP fast between sites')
    .version(AGENT_VERSION)
    .addCommand(agentCommand())
    .addCommand(loginCommand())
    .addCommand(logoutCommand())
    .addCommand(whoamiCommand())
    .addCommand(sitesCommand())
    .addCommand(agentsCommand())
    .addCommand(tokensCommand())
    .addCommand(policyCommand())
    .addCommand(releasesCommand())
    .addCommand(upgradesCommand())
    .addCommand(alertsCommand())
    .addCommand(alertRulesCommand())
    .addCommand(webhooksCommand())
    .addCommand(apiTokensCommand())
    .addCommand(auditCommand())
    .addHelpText('after', EXIT_CODES);
  throwInsteadOfExit(program);
  return program;
}

/** So that every way out has its own exit code; commands that were made elsewhere inherit nothing. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExit(child);
}
