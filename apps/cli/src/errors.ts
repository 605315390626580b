import { AgentError } from '@longhaul/agent';

/** What the process ends with. Documented for scripts: they do not change. */
export const ExitCode = {
  failed: 1,
  usage: 2,
  /** Not signed in, or not allowed. */
  access: 3,
  notFound: 4,
  /** Somebody else changed it meanwhile. */
  conflict: 5,
  unreachable: 6,
} as const;

/** Something that the person at the command line can put right; the message says how. */
export class CliError extends AgentError {
  override readonly name = 'CliError';

  constructor(
    message: string,
    readonly exitCode: number = ExitCode.failed,
  ) {
    super(message);
  }
}
