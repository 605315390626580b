import { AgentError } from '@longhaul/agent';

/** What the process ends with. Documented for scripts: they do not change. */
export const ExitCode = {
  failed: 1,
  /** Not a failure: "policy plan" found changes, as `terraform plan -detailed-exitcode` says it. */
  changes: 2,
  /** Not signed in, or not allowed. */
  access: 3,
  notFound: 4,
  /** Somebody else changed it meanwhile. */
  conflict: 5,
  unreachable: 6,
  /** EX_USAGE of BSD's sysexits.h. */
  usage: 64,
} as const;

/** One thing that is wrong with an input. */
export interface FieldProblem {
  /** `rules[2].ports[0].from` */
  readonly path: string;
  readonly message: string;
}

/** Something that the person at the command line can put right; the message says how. */
export class CliError extends AgentError {
  override readonly name = 'CliError';

  constructor(
    message: string,
    readonly exitCode: number = ExitCode.failed,
    /** What is wrong with which field of what was sent. */
    readonly problems: readonly FieldProblem[] = [],
  ) {
    super(message);
  }
}
