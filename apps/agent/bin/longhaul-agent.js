#!/usr/bin/env node
import process from 'node:process';
import { agentCommand, AgentError, messageOf } from '../dist/index.js';

/** The agent alone, without the rest of the `longhaul` command: what releases of the agent are started by. */
try {
  await agentCommand().name('longhaul-agent').parseAsync();
} catch (error) {
  process.stderr.write(
    error instanceof AgentError
      ? `longhaul-agent: ${messageOf(error)}\n`
      : `${String(error?.stack ?? error)}\n`,
  );
  process.exit(1);
}
